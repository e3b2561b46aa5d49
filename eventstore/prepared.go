package eventstore

import (
	"context"
	"database/sql"
	"sync"
	"sync/atomic"
)

// repeated are the statements of SQLite that every decision makes. To parse them costs it
// more than to run them; pgx remembers all that it has parsed.
var repeated = []string{eventsOfStream, guardDecide, guardGet}

// prepared keeps the repeated statements of one pool.
type prepared struct {
	complete   atomic.Bool
	mu         sync.RWMutex
	statements map[string]*sql.Stmt
}

// prepare must not be called within a transaction, which may hold the one
// connection that it needs. A statement that cannot be prepared yet is done without.
func (p *prepared) prepare(ctx context.Context, pool *sql.DB) {
	if !p.complete.Load() {
		p.complete.Store(p.keep(ctx, pool))
	}
}

// keep reports whether it could prepare the statements.
func (p *prepared) keep(ctx context.Context, pool *sql.DB) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.statements == nil {
		p.statements = make(map[string]*sql.Stmt, len(repeated))
	}
	for _, query := range repeated {
		if p.statements[query] != nil {
			continue
		}
		statement, err := pool.PrepareContext(ctx, query)
		if err != nil {
			return false
		}
		p.statements[query] = statement
	}
	return true
}

func (p *prepared) find(query string) *sql.Stmt {
	p.mu.RLock()
	defer p.mu.RUnlock()
	return p.statements[query]
}

// preparing makes its queries by the statements that are kept, where there is one.
type preparing struct {
	Querier
	kept *prepared
	tx   *sql.Tx // nil: the pool itself
}

func (p preparing) statement(ctx context.Context, query string) *sql.Stmt {
	statement := p.kept.find(query)
	if statement == nil || p.tx == nil {
		return statement
	}
	return p.tx.StmtContext(ctx, statement)
}

// ExecContext implements Querier.
func (p preparing) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	if statement := p.statement(ctx, query); statement != nil {
		return statement.ExecContext(ctx, args...)
	}
	return p.Querier.ExecContext(ctx, query, args...)
}

// QueryContext implements Querier.
func (p preparing) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	if statement := p.statement(ctx, query); statement != nil {
		return statement.QueryContext(ctx, args...)
	}
	return p.Querier.QueryContext(ctx, query, args...)
}

// QueryRowContext implements Querier.
func (p preparing) QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row {
	if statement := p.statement(ctx, query); statement != nil {
		return statement.QueryRowContext(ctx, args...)
	}
	return p.Querier.QueryRowContext(ctx, query, args...)
}
