package config

import "testing"

func TestOtherMachinesAreLetInOnPurposeAlone(t *testing.T) {
	for address, refused := range map[string]bool{
		"127.0.0.1:8080": false, "127.0.0.9:0": false, "[::1]:8080": false, "localhost:8080": false,
		":8080": true, "0.0.0.0:8080": true, "[::]:8080": true, "192.0.2.7:80": true, "scrapelog.example:80": true,
	} {
		if err := CheckReach(address, false); (err != nil) != refused {
			t.Errorf("%s: %v", address, err)
		}
		if err := CheckReach(address, true); err != nil {
			t.Errorf("%s, on purpose: %v", address, err)
		}
	}
}
