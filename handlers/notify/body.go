package notify

import (
	"encoding/json"
	"net/url"
	"time"

	"github.com/google/uuid"

	"scrapelog/docs"
	"scrapelog/eventstore"
	"scrapelog/eventstore/outbox"
	"scrapelog/handlers/words"
	"scrapelog/projections"
)

// body is what a webhook receives. Its JSON is documented.
type body struct {
	Type      string `json:"type"`
	Timestamp string `json:"timestamp"` // when it happened
	Data      data   `json:"data"`
}

type data struct {
	Title    string              `json:"title"`
	Text     string              `json:"text"`
	URL      string              `json:"url"`
	Scrapers []string            `json:"scrapers"`
	Events   []eventRef          `json:"events"`
	Run      *projections.Run    `json:"run,omitempty"`
	Outage   *projections.Outage `json:"outage,omitempty"`
}

// eventRef names an event of the log.
type eventRef struct {
	Position int64     `json:"position"`
	ID       uuid.UUID `json:"id"`
	Type     string    `json:"type"`
}

func refTo(r eventstore.Recorded) eventRef { return eventRef{r.Position, r.ID, r.Type} }

func encode(noticeType string, at time.Time, d data) (json.RawMessage, error) {
	if d.Scrapers == nil {
		d.Scrapers = []string{}
	}
	if d.Events == nil {
		d.Events = []eventRef{}
	}
	return json.Marshal(body{noticeType, at.UTC().Format("2006-01-02T15:04:05.000000Z07:00"), d})
}

// told returns what a person reads of a notice.
func told(n outbox.Notice) (title, text, link string) {
	var b body
	_ = json.Unmarshal(n.Body, &b) // it is ours
	return b.Data.Title, b.Data.Text, b.Data.URL
}

// explained adds to a text where the page about a cause or a failure code is. There is none
// about one of a newer version.
func (t *Teller) explained(text, cause string) string {
	if _, ok := docs.Get("causes/" + cause); !ok {
		return text
	}
	return words.Explained(text, t.page("docs", "causes", cause))
}

// page returns the address of a page.
func (t *Teller) page(parts ...string) string {
	address, err := url.JoinPath(t.URL, parts...)
	if err != nil {
		return t.URL
	}
	return address
}
