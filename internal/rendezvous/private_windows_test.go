package rendezvous_test

func ownDir() string { return "eventbus" }
