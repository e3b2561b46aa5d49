package clock

import "time"

var started = time.Now()
