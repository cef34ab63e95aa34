"""What clients may ask of a list, as SQL: columns, search, filters, order, cursors."""
