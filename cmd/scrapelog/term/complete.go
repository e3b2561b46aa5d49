package term

import (
	"context"
	"time"

	"github.com/spf13/cobra"
)

// completeWithin bounds what a shell waits for when a person presses Tab.
const completeWithin = 250 * time.Millisecond

// Complete returns what values yields within a quarter of a second, for a shell that
// completes a command line. Nothing is said of a failure.
func Complete(cmd *cobra.Command, values func(ctx context.Context) ([]string, error)) ([]string, cobra.ShellCompDirective) {
	if applyEnv(cmd) != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	ctx, cancel := context.WithTimeout(context.Background(), completeWithin)
	defer cancel()
	found := make(chan []string, 1)
	go func() {
		names, err := values(ctx)
		if err != nil {
			names = nil
		}
		found <- names
	}()
	select {
	case names := <-found:
		return names, cobra.ShellCompDirectiveNoFileComp
	case <-ctx.Done():
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
}
