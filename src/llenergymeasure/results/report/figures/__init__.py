"""The figures of the reports. Only this package imports matplotlib; it is imported when a report is made."""
