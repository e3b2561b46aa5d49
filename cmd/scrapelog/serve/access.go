package serve

import (
	"context"
	"errors"
	"path/filepath"

	"scrapelog/cmd/scrapelog/term"
	"scrapelog/eventstore/credentials"
	"scrapelog/eventstore/proof"
	"scrapelog/handlers/access"
	"scrapelog/handlers/gate"
)

// accounts are the users for pages.
type accounts struct {
	*access.Access
	*credentials.Store
}

// openAccess reads who may do what. It refuses to let other machines in while there is no
// admin.
func (s *service) openAccess(ctx context.Context, instance string) (*access.Access, error) {
	store := credentials.New(s.store, instance)
	setup, err := s.setupFile(ctx)
	if err != nil {
		return nil, err
	}
	admin, err := store.HasAdmin(ctx)
	if err == nil && !admin && s.config.SetupLink {
		admin, err = true, s.writeSetup(setup)
	}
	if err := errors.Join(err, s.config.CheckAdmin(admin)); err != nil {
		return nil, err
	}
	if !admin && len(s.config.Proxies) > 0 {
		s.logger.Warn("trusted_proxies is set and there is no user yet: everyone whom the proxy lets in is admin; scrapelog users add NAME --role admin adds one")
	}
	return access.New(ctx, access.Config{
		Credentials: store, Wake: s.store.Wake,
		Unguarded: gate.OnlyHere(s.config.Listen) || s.config.WithoutLogins, OpenLoopback: s.config.Auth.Open(), SetupFile: setup, Logger: s.logger,
	})
}

// setupFile is where the token of the setup link lies: beside the key of the log.
func (s *service) setupFile(ctx context.Context) (string, error) {
	files, err := proof.FilesOf(ctx, s.store, proof.Files{Key: s.config.Audit.Key})
	return filepath.Join(filepath.Dir(files.Key), "setup.json"), err
}

// writeSetup lets the reader of a file add the first admin.
func (s *service) writeSetup(file string) error {
	if err := access.WriteSetup(file); err != nil {
		return term.Failf(term.ErrUnreachable, "the setup link cannot be written: %v", err)
	}
	s.logger.Info("add the first admin within 15 minutes, with the token in the file", "url", s.config.BaseURL()+"/setup", "file", file)
	return nil
}
