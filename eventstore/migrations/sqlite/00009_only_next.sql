-- +goose Up
-- The questions stand in WHEN, so that the body is entered only for a row that it
-- refuses: entering it takes as long as asking.
DROP TRIGGER events_only_next;

-- REPLACE removes the row in its way without firing a delete trigger, so
-- nothing may be inserted that has a row in its way.
-- +goose StatementBegin
CREATE TRIGGER events_only_next BEFORE INSERT ON events
WHEN NEW.position <> (SELECT coalesce(max(position), 0) + 1 FROM events)
  OR NEW.version <> (SELECT coalesce(max(version), 0) + 1 FROM events WHERE stream = NEW.stream)
  OR EXISTS (SELECT 1 FROM events WHERE id = NEW.id)
BEGIN
  SELECT RAISE(ABORT, 'events is append-only: position is not the next one')
  WHERE NEW.position <> (SELECT coalesce(max(position), 0) + 1 FROM events);
  SELECT RAISE(ABORT, 'events is append-only: version is not the next one')
  WHERE NEW.version <> (SELECT coalesce(max(version), 0) + 1 FROM events WHERE stream = NEW.stream);
  SELECT RAISE(ABORT, 'events is append-only: id is known');
END;
-- +goose StatementEnd
