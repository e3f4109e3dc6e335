package control

import "time"

// Due returns when the next peer will be missing.
func Due(s *Service) time.Time { return s.monitor.due() }
