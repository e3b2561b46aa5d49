package config

import "testing"

func TestCheckReach(t *testing.T) {
	encrypted := TLS{Cert: "cert.pem", Key: "key.pem"}
	tests := map[string]struct {
		config              Config
		clear, withoutAdmin bool // what is refused
	}{
		"loopback":                 {Config{Listen: "127.0.0.1:8080"}, false, false},
		"localhost":                {Config{Listen: "localhost:8080"}, false, false},
		"another loopback address": {Config{Listen: "127.0.0.9:0"}, false, false},
		"an address":               {Config{Listen: "192.0.2.7:80"}, true, true},
		"IPv6 loopback":            {Config{Listen: "[::1]:8080"}, false, false},
		"every address":            {Config{Listen: "0.0.0.0:8080"}, true, true},
		"every address, unnamed":   {Config{Listen: ":8080"}, true, true},
		"every IPv6 address":       {Config{Listen: "[::]:8080"}, true, true},
		"a name":                   {Config{Listen: "host.example:80"}, true, true},
		"TLS":                      {Config{Listen: ":8080", TLS: encrypted}, false, true},
		"a trusted proxy":          {Config{Listen: ":8080", Proxies: []string{"10.0.0.7"}}, false, true},
		"without logins, as meant": {Config{Listen: ":8080", WithoutLogins: true}, false, false},
	}
	for name, tt := range tests {
		if err := tt.config.CheckReach(); (err != nil) != tt.clear {
			t.Errorf("%s: %v", name, err)
		}
		if err := tt.config.CheckAdmin(false); (err != nil) != tt.withoutAdmin {
			t.Errorf("%s, without an admin: %v", name, err)
		}
		if err := tt.config.CheckAdmin(true); err != nil {
			t.Errorf("%s, with an admin: %v", name, err)
		}
	}
}
