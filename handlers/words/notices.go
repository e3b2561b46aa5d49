package words

import "scrapelog/domain"

// Failing returns the heading of a notice when a scraper begins to fail.
func Failing(scraper string) string { return scraper + " is failing" }

// Works returns the heading of a notice when a scraper that was failing completes a run.
func Works(scraper string) string { return scraper + " works again" }

// Failed returns what is known of a failed run: [Summary] and the detail.
func Failed(e domain.RunFailed) string { return Summary(e) + Because(e.Detail) }
