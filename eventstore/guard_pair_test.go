package eventstore

import "testing"

// TestGuardsOfThePairDiffer checks that no field looks as if it were kept because both
// guards have the value that it is set to.
func TestGuardsOfThePairDiffer(t *testing.T) {
	low, high := guardValues(&lowGuard), guardValues(&highGuard)
	for i, field := range guardFields {
		if low[i] == high[i] {
			t.Errorf("%s is %v in both", field.column, low[i])
		}
	}
}
