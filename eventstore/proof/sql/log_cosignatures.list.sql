SELECT number, note, kept FROM log_cosignatures ORDER BY number
