package web_test

import (
	"bytes"
	"os"
	"path/filepath"
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

// A page that looks different is looked at by somebody, and its picture is taken
// again; that shows in review.
func TestThePicturesAreOfThePagesAsTheyAre(t *testing.T) {
	const folder = "webtest/screens/golden"
	want, err := os.ReadFile(filepath.Join(folder, "screens.sum"))
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(webtest.Sums(), want) {
		t.Error("pages have changed since their pictures were taken: run go run ./handlers/web/webtest/screens, and look at them")
	}
	for _, shot := range webtest.Shots() {
		picture, err := os.Stat(filepath.Join(folder, shot.Name()+".png"))
		if err != nil || picture.Size() > 60<<10 {
			t.Errorf("%s: %v, want at most 60 KB", shot.Name(), err)
		}
	}
}

func TestNoServerOfPeopleHasTheStoryPage(t *testing.T) {
	if w := get(serve(webtest.New()), "/dev/stories"); w.Code != 404 {
		t.Errorf("%d", w.Code)
	}
}
