package eventstoretest

import (
	"fmt"
	"os/exec"
	"syscall"
)

// Restart ends the server and starts it again at the same address: with SIGINT
// in good order, with SIGQUIT as a crash that it recovers from.
func (c *Cluster) Restart(how syscall.Signal) error {
	if err := c.process.Process.Signal(how); err != nil {
		return fmt.Errorf("restart postgres: %w", err)
	}
	<-c.done
	ended := c.process
	c.process = exec.Command(ended.Path, ended.Args[1:]...)
	c.process.Dir, c.process.SysProcAttr = ended.Dir, ended.SysProcAttr
	c.process.Stdout, c.process.Stderr = ended.Stdout, ended.Stderr
	if err := c.launch(); err != nil {
		return err
	}
	return c.await()
}
