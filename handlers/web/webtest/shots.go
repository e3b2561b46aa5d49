package webtest

import "strings"

// Shot is a picture of a story, in one look at it.
type Shot struct {
	Story Story // without a name: the story page itself
	Look  string
}

// Shots are the pictures to take: few, of what differs most.
func Shots() []Shot {
	looks := map[string][]string{
		"": {"light", "dark", "deuteranopia"}, "overview": {"light", "dark", "narrow", "dark-narrow"}, "run-recovered": {"light", "narrow", "dark-narrow"}, "scraper-lost": {"light"},
		"run-as-of": {"dark"}, "run-flapping": {"light"}, "scraper": {"light", "dark"}, "runs": {"deuteranopia"}, "audit-refused": {"light"}, "overview-empty": {"light"},
	}
	var shots []Shot
	for _, s := range append([]Story{{}}, Stories()...) {
		for _, look := range looks[s.Name] {
			shots = append(shots, Shot{s, look})
		}
	}
	return shots
}

// Name names the picture.
func (s Shot) Name() string {
	if s.Story.Name == "" {
		return "stories-" + s.Look
	}
	return s.Story.Name + "-" + s.Look
}

// Path is where the story page shows it.
func (s Shot) Path() string {
	if s.Story.Name == "" {
		return "/dev/stories"
	}
	return "/dev/stories/" + s.Story.Name
}

// Width is how wide the screen is.
func (s Shot) Width() int64 {
	if strings.HasSuffix(s.Look, "narrow") {
		return 320
	}
	return 1160
}
