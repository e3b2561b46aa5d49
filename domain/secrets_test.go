package domain_test

import (
	"errors"
	"strings"
	"testing"

	"scrapelog/domain"
)

func TestSecretsGoOnlyWhereTheyAreListed(t *testing.T) {
	secrets := domain.Secrets{
		"SHOP_TOKEN": {"shop.example", "127.0.0.1:9090", "::1", "[fd00::1]:80"},
		"NOWHERE":    {},
	}
	for name, test := range map[string]struct {
		url, variable string
		allowed       bool
	}{
		"a listed host":                        {"https://shop.example/x", "SHOP_TOKEN", true},
		"in capital letters":                   {"https://SHOP.Example/x", "SHOP_TOKEN", true},
		"with the root's dot":                  {"https://shop.example./x", "SHOP_TOKEN", true},
		"at any port":                          {"http://shop.example:8443/x", "SHOP_TOKEN", true},
		"a listed host and port":               {"http://127.0.0.1:9090/x", "SHOP_TOKEN", true},
		"a listed address of IPv6":             {"http://[::1]:1234/x", "SHOP_TOKEN", true},
		"one whose port is the scheme's":       {"http://[fd00::1]/x", "SHOP_TOKEN", true},
		"not one whose port is another":        {"https://[fd00::1]/x", "SHOP_TOKEN", false},
		"not another port":                     {"http://127.0.0.1:9091/x", "SHOP_TOKEN", false},
		"not another host":                     {"https://evil.example/x", "SHOP_TOKEN", false},
		"not a host that ends so":              {"https://evilshop.example/x", "SHOP_TOKEN", false},
		"not a host below it":                  {"https://a.shop.example/x", "SHOP_TOKEN", false},
		"not a host that begins so":            {"https://shop.example.evil/x", "SHOP_TOKEN", false},
		"not a path that looks so":             {"https://evil.example/shop.example", "SHOP_TOKEN", false},
		"not a variable without hosts":         {"https://shop.example/x", "NOWHERE", false},
		"not a variable that is not listed":    {"https://shop.example/x", "SCRAPELOG_DB", false},
		"not a variable in another spelling":   {"https://shop.example/x", "shop_token", false},
		"not where the URL cannot be parsed":   {"https://%zz/x", "SHOP_TOKEN", false},
		"nothing where no variable is listed.": {"https://evil.example/x", "", true},
	} {
		cfg := domain.ScraperConfig{URL: test.url}
		if test.variable != "" {
			cfg.HeadersEnv = map[string]string{"X-Key": test.variable}
		}
		err := secrets.Check(cfg)
		if (err == nil) != test.allowed {
			t.Errorf("%s: %v", name, err)
		}
		if signed := secrets.Check(domain.ScraperConfig{URL: test.url, SignEnv: test.variable}); (signed == nil) != test.allowed || signed != nil && strings.Contains(signed.Error(), test.variable) {
			t.Errorf("%s, to sign with: %v", name, signed)
		}
		var field *domain.FieldError
		if err != nil && (!errors.As(err, &field) || !errors.Is(err, domain.ErrInvalid) || strings.Contains(err.Error(), test.variable)) {
			t.Errorf("%s: %q", name, err)
		}
	}
	one := domain.ScraperConfig{URL: "https://shop.example/", HeadersEnv: map[string]string{"A": "SHOP_TOKEN", "B": "OTHER"}}
	if err := secrets.Check(one); err == nil || !strings.Contains(err.Error(), "for B ") {
		t.Errorf("one header of two: %v", err)
	}
	if err := domain.Secrets(nil).Check(one); err == nil {
		t.Error("with no secrets configured, a variable may be named")
	}
}

func TestSecretsNameHosts(t *testing.T) {
	for _, host := range []string{"shop.example", "shop.example:8443", "127.0.0.1", "::1", "[::1]", "[::1]:80", "localhost"} {
		if err := (domain.Secrets{"A": {host}}).Validate(); err != nil {
			t.Errorf("%s: %v", host, err)
		}
	}
	for _, variable := range []string{"", "Bearer sk-CANARY", "1A", "A-B", "A=B"} {
		if err := (domain.Secrets{variable: {"shop.example"}}).Validate(); !errors.Is(err, domain.ErrInvalid) || strings.Contains(err.Error(), "CANARY") {
			t.Errorf("%q: %v", variable, err)
		}
	}
	for _, host := range []string{"", "https://shop.example", "shop.example/path", "*.example", "a b", "me@shop.example", ":80", "shop.example:http", "shop?x", "shop#x"} {
		if err := (domain.Secrets{"A": {host}}).Validate(); !errors.Is(err, domain.ErrInvalid) {
			t.Errorf("%q: %v", host, err)
		}
	}
}
