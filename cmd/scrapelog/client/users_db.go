package client

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"
	"github.com/spf13/cobra"

	"scrapelog/cmd/scrapelog/config"
	"scrapelog/cmd/scrapelog/term"
	"scrapelog/domain"
	"scrapelog/eventstore"
	"scrapelog/eventstore/credentials"
	"scrapelog/eventstore/instances"
	"scrapelog/eventstore/proof"
)

// cliActor is the actor of what is done at the database.
const cliActor = "cli"

// ofDatabase are the users of a database that no server has.
type ofDatabase struct{ *credentials.Store }

// openAccounts opens the database of --db and keeps servers out of it until leave is
// called. A new one gets its schema, and its key where the configuration has it.
func openAccounts(ctx context.Context, cmd *cobra.Command) (a ofDatabase, leave func(), err error) {
	url, err := config.DatabaseURL(cmd)
	if err != nil {
		return a, nil, err
	}
	files, err := config.ProofFiles(cmd)
	if err != nil {
		return a, nil, err
	}
	store, err := eventstore.Open(ctx, eventstore.Config{URL: url, Logger: term.LoggerFrom(ctx)})
	if err != nil {
		return a, nil, err
	}
	release, err := instances.New(store).Maintain(ctx)
	if errors.Is(err, eventstore.ErrHeld) {
		err = fmt.Errorf("%w; leave --db out to ask the server that has it", err)
	}
	if err != nil {
		return a, nil, errors.Join(err, store.Close())
	}
	leave = func() {
		release()
		_ = store.Close()
	}
	if err := migrated(ctx, store, files); err != nil {
		leave()
		return a, nil, err
	}
	return ofDatabase{credentials.New(store, "")}, leave, nil
}

func migrated(ctx context.Context, store *eventstore.Store, files proof.Files) error {
	current, latest, err := store.Migrated(ctx)
	switch {
	case err != nil || current == latest:
		return err
	case current == 0: // the key is made before the first event, or the log could not be proven
		if err := store.Migrate(ctx); err != nil {
			return err
		}
		_, err := proof.Open(ctx, proof.Config{Store: store, Files: files, Logger: term.LoggerFrom(ctx)})
		return err
	}
	return term.Failf(term.ErrUnreachable, `the database has schema version %d and %d is needed; run "scrapelog db migrate"`, current, latest)
}

func (d ofDatabase) list(ctx context.Context) ([]userView, error) {
	users, err := d.Users(ctx)
	if err != nil {
		return nil, err
	}
	raised, err := d.Raised(ctx)
	views := make([]userView, len(users))
	for i, u := range users {
		views[i] = userView{User: u}
		for _, r := range raised {
			if r.User == u.ID {
				views[i].Locked = r.Says
			}
		}
	}
	return views, err
}

func (d ofDatabase) add(ctx context.Context, name string, role domain.Role, password string) (userView, error) {
	u, _, err := d.Add(ctx, cliActor, name, role, password)
	return userView{User: u}, err
}

// change changes the user of a name and returns them.
func (d ofDatabase) change(ctx context.Context, name string, change func(ctx context.Context, by string, id uuid.UUID) (int64, error)) (userView, error) {
	u, err := d.ByName(ctx, name)
	if err != nil {
		return userView{}, err
	}
	if _, err := change(ctx, cliActor, u.ID); err != nil {
		return userView{}, err
	}
	u, err = d.ByID(ctx, u.ID)
	return userView{User: u}, err
}

func (d ofDatabase) setRole(ctx context.Context, name string, role domain.Role) (userView, error) {
	return d.change(ctx, name, func(ctx context.Context, by string, id uuid.UUID) (int64, error) { return d.SetRole(ctx, by, id, role) })
}

func (d ofDatabase) setPassword(ctx context.Context, name, password string) (userView, error) {
	return d.change(ctx, name, func(ctx context.Context, by string, id uuid.UUID) (int64, error) {
		return d.SetPassword(ctx, by, id, password)
	})
}

func (d ofDatabase) disable(ctx context.Context, name string) (userView, error) {
	return d.change(ctx, name, d.Disable)
}

func (d ofDatabase) remove(ctx context.Context, name string) error {
	u, err := d.ByName(ctx, name)
	if err != nil {
		return err
	}
	_, err = d.Remove(ctx, cliActor, u.ID)
	return err
}
