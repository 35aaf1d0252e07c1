"""One result as one page: `report.html`, self-contained, readable in print and without JavaScript."""
