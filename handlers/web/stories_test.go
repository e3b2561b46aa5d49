package web_test

import (
	"bytes"
	"testing"

	"scrapelog/handlers/web/webtest"
)

func TestEveryStoryIsSoundAndTheSameEachTime(t *testing.T) {
	for _, story := range webtest.Stories() {
		t.Run(story.Name, func(t *testing.T) {
			first, again := story.Page().Body.Bytes(), story.Page()
			if !bytes.Equal(first, again.Body.Bytes()) {
				t.Error("it is another page the second time")
			}
			sound(t, document(t, again))
		})
	}
}

func TestNoServerOfPeopleHasTheStoryPage(t *testing.T) {
	if w := get(serve(webtest.New()), "/dev/stories"); w.Code != 404 {
		t.Errorf("%d", w.Code)
	}
}
