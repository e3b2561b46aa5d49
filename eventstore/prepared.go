package eventstore

import (
	"context"
	"database/sql"
	"sync"
)

// prepared keeps statements that SQLite would parse anew each time, which costs
// it more than to run them. pgx keeps its own.
type prepared struct {
	mu         sync.RWMutex
	statements map[string]*sql.Stmt
}

// prepare must not be called within a transaction, which holds the one
// connection that it needs. A query that cannot be prepared yet is done without.
func (p *prepared) prepare(ctx context.Context, pool *sql.DB, queries ...string) {
	for _, query := range queries {
		if p.find(query) != nil {
			continue
		}
		if statement, err := pool.PrepareContext(ctx, query); err == nil {
			p.keep(query, statement)
		}
	}
}

func (p *prepared) find(query string) *sql.Stmt {
	p.mu.RLock()
	defer p.mu.RUnlock()
	return p.statements[query]
}

func (p *prepared) keep(query string, statement *sql.Stmt) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.statements == nil {
		p.statements = map[string]*sql.Stmt{}
	}
	p.statements[query] = statement
}

func (p *prepared) exec(ctx context.Context, tx *sql.Tx, query string, args ...any) error {
	if statement := p.find(query); statement != nil {
		_, err := tx.StmtContext(ctx, statement).ExecContext(ctx, args...)
		return err
	}
	_, err := tx.ExecContext(ctx, query, args...)
	return err
}
