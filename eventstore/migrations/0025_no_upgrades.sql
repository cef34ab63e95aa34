-- Stores of before there were keys and digests were never released, so nothing has to be sealed or chained belatedly.
DROP TABLE unsealed_streams;
DROP TABLE unchained_streams;
