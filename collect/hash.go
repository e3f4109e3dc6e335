package collect

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"hash"
	"io"
	"io/fs"
	"time"
)

const (
	hashAlgorithm = "sha256"

	// maxHashes bounds the cache of hashes. An entry takes about 150 bytes.
	maxHashes = 4096

	// hashChunk is how much is read between two looks at the context, in bytes.
	hashChunk = 256 << 10
)

// hasher computes hashes of executables, within a budget of bytes for each scan. A file that is larger than what is left of
// the budget is read in several scans. It is for one goroutine.
type hasher struct {
	limit  int64 // size of the largest file to hash, bytes
	budget int64 // what is left of it in this scan, bytes
	until  time.Time
	cache  map[fileKey]string
	job    *hashJob // the file that is read over several scans, nil if none is
	buffer []byte
}

// hashJob is a file that is being read.
type hashJob struct {
	key  fileKey
	file fs.File
	sum  hash.Hash
}

func newHasher(limit int64) *hasher {
	return &hasher{limit: limit, cache: make(map[fileKey]string), buffer: make([]byte, hashChunk)}
}

// refill begins a scan: it may read that many bytes, until then.
func (h *hasher) refill(budget int64, until time.Time) { h.budget, h.until = budget, until }

// spent reports whether this scan is to read no more.
func (h *hasher) spent() bool { return h.budget <= 0 || !time.Now().Before(h.until) }

// sum returns the hash of an executable, "" if it has none: it cannot be read, is too large or is being written to. It reports false
// if the budget is used up, and then is to be called again in the next scan.
func (h *hasher) sum(ctx context.Context, path string, open func() (fs.File, error)) (sum string, done bool) {
	file, err := open()
	if err != nil {
		return "", true
	}
	info, err := file.Stat()
	if err != nil || !info.Mode().IsRegular() || info.Size() > h.limit {
		file.Close()
		return "", true
	}
	job := &hashJob{key: keyOf(path, info), file: file, sum: sha256.New()}
	if sum, ok := h.cache[job.key]; ok {
		file.Close()
		return sum, true
	}
	if h.job != nil && (h.job.key == job.key || info.Size() > h.budget) {
		file.Close() // one unfinished file at a time
		return "", false
	}
	if h.read(ctx, job) {
		return h.finish(job, path), true
	}
	if h.job == nil {
		h.job = job
	} else {
		file.Close()
	}
	return "", false
}

// resume goes on with the file that was left unfinished.
func (h *hasher) resume(ctx context.Context) {
	if h.job != nil && h.read(ctx, h.job) {
		h.finish(h.job, h.job.key.path)
		h.job = nil
	}
}

// read reads as much as the budget allows, and reports whether the file has ended.
func (h *hasher) read(ctx context.Context, job *hashJob) (end bool) {
	for ctx.Err() == nil && !h.spent() {
		n, err := job.file.Read(h.buffer[:min(int64(len(h.buffer)), h.budget)])
		job.sum.Write(h.buffer[:n])
		h.budget -= int64(n)
		if err != nil {
			if !errors.Is(err, io.EOF) {
				job.sum = nil
			}
			return true
		}
	}
	return false
}

// finish closes the file and caches its hash. A file that could not be read or was written to meanwhile has none.
func (h *hasher) finish(job *hashJob, path string) (sum string) {
	info, err := job.file.Stat()
	job.file.Close()
	if err == nil && job.sum != nil && keyOf(path, info) == job.key {
		sum = hex.EncodeToString(job.sum.Sum(nil))
	}
	if len(h.cache) >= maxHashes {
		// Any entry will do: what is needed again is soon there again.
		for key := range h.cache {
			delete(h.cache, key)
			break
		}
	}
	h.cache[job.key] = sum
	return sum
}

// close gives up the unfinished file.
func (h *hasher) close() {
	if h.job != nil {
		h.job.file.Close()
		h.job = nil
	}
}
