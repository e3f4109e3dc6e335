//go:build unix && !linux

package faults_test

import "errors"

const fullDisk = "full disk "

func runFullDisk(string) error { return errors.ErrUnsupported }
