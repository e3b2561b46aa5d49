package config

import (
	"encoding/json"
	"slices"

	"github.com/goccy/go-yaml"

	"scrapelog/domain"
	"scrapelog/eventstore"
)

// EncodeScrapers returns scrapers as a configuration file has them.
func EncodeScrapers(scrapers ...domain.ScraperConfig) ([]byte, error) {
	return yaml.MarshalWithOptions(struct {
		Scrapers []domain.ScraperConfig `yaml:"scrapers"`
	}{scrapers}, yaml.IndentSequence(true))
}

// EncodeScraper returns the configuration of one scraper as YAML, with what is set. It
// goes by way of JSON, which writes the number 2 of params as 2 and not as 2.0.
func EncodeScraper(c domain.ScraperConfig) (string, error) {
	asJSON, err := json.Marshal(c.Redacted())
	if err != nil {
		return "", err
	}
	text, err := yaml.JSONToYAML(asJSON)
	return string(text), err
}

// Encode returns the configuration with the limits in force, as YAML and as JSON.
// Passwords in URLs and the query strings of scrapers are left out.
func (c Config) Encode() (asYAML []byte, asJSON json.RawMessage, err error) {
	c.Database, c.Limits = eventstore.Redact(c.Database), c.Limits.InForce()
	c.Forward = c.Forward.Redacted()
	c.Scrapers = slices.Clone(c.Scrapers)
	for i, scraper := range c.Scrapers {
		c.Scrapers[i] = scraper.Redacted()
	}
	if asYAML, err = yaml.Marshal(c); err != nil {
		return nil, nil, err
	}
	asJSON, err = yaml.YAMLToJSON(asYAML)
	return asYAML, asJSON, err
}
