package notify

// Wait waits for what Step has begun to send.
func (n *Notifier) Wait() { n.work.Wait() }
