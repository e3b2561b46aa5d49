package gate

// Look looks at the files of a certificate once, as its timer does, or as it does when
// it is asked to.
func (c *Certificate) Look(asked bool) { c.look(asked) }
