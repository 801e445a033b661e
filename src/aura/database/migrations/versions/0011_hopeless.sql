-- A file that is encrypted, empty or damaged fails the same way each time. What failed before this was known is held to be worth
-- another try: that tells.

ALTER TABLE documents ADD COLUMN hopeless BOOLEAN DEFAULT false NOT NULL;
