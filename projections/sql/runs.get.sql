SELECT * FROM runs/*next*/ WHERE id = $1
