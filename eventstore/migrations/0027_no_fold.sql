-- Text is folded before it comes here (see the decisions). What used this function is a read model, and is rebuilt.
DROP FUNCTION fold(text) CASCADE;
