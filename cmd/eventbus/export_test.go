package main

// Program is the program for the tests, which run it from their own binary.
func Program() int { return program() }
