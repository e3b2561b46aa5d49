package react

import (
	"maps"

	"github.com/ThreeDotsLabs/watermill"
)

// quiet passes on only errors. watermill builds several log lines and loggers for each
// message before it checks the level.
type quiet struct {
	to     watermill.LoggerAdapter
	within *quiet // whose fields it has besides
	fields watermill.LogFields
}

func (q *quiet) Error(msg string, err error, fields watermill.LogFields) {
	all := watermill.LogFields{}
	for at := q; at != nil; at = at.within {
		for name, value := range at.fields {
			if _, inner := all[name]; !inner {
				all[name] = value
			}
		}
	}
	maps.Copy(all, fields)
	q.to.Error(msg, err, all)
}

func (*quiet) Info(string, watermill.LogFields)  {}
func (*quiet) Debug(string, watermill.LogFields) {}
func (*quiet) Trace(string, watermill.LogFields) {}

func (q *quiet) With(fields watermill.LogFields) watermill.LoggerAdapter {
	return &quiet{to: q.to, within: q, fields: fields}
}
