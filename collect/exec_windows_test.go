package collect_test

import "errors"

func execAgain() error { return errors.ErrUnsupported }
