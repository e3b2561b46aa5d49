SELECT runs.* FROM (
$branches
ORDER BY started_at DESC, started DESC LIMIT $4
) AS chosen
JOIN runs ON runs.status = chosen.status AND runs.trigger = chosen.trigger
 AND runs.started_at = chosen.started_at AND runs.started = chosen.started
ORDER BY chosen.started_at DESC, chosen.started DESC
