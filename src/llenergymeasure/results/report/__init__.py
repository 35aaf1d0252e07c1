"""The report of one result: `report.html`, one self-contained page that also works in print and without JavaScript."""
