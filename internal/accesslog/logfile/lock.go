package logfile

import (
	"errors"
	iofs "io/fs"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// LockPatience is how long to wait for another process that holds the lock.
const LockPatience = 10 * time.Second

// ErrLocked says that another process holds the lock for too long.
var ErrLocked = errors.New("another process holds its lock")

// TakeLock takes the lock of the log, and waits for it at most patience.
func (f Files) TakeLock(d Disk, patience time.Duration) (*os.File, error) {
	deadline := time.Now().Add(patience)
	for pause := time.Millisecond; ; pause = min(2*pause, 20*time.Millisecond) {
		file, err := d.Open(f.Lock())
		if err != nil {
			return nil, err
		}
		if ok, err := f.tryLock(file); ok {
			return file, nil
		} else if err != nil {
			file.Close()
			return nil, err
		}
		file.Close()
		if time.Now().After(deadline) {
			return nil, ErrLocked
		}
		time.Sleep(pause)
	}
}

// tryLock reports whether the lock was taken, on the file that has its name now.
func (f Files) tryLock(file *os.File) (bool, error) {
	err := unix.Flock(int(file.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	if errors.Is(err, unix.EWOULDBLOCK) || errors.Is(err, unix.EINTR) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	own, _, err := Identify(file)
	if err != nil {
		return false, err
	}
	named, _, err := IdentifyPath(f.Lock())
	return err == nil && own == named, err
}

// LockForReading takes the lock, if there is one: a copy of a log may have none.
func (f Files) LockForReading() (unlock func(), err error) {
	file, err := OpenRead(f.Lock())
	if errors.Is(err, iofs.ErrNotExist) {
		return func() {}, nil
	}
	if err != nil {
		return nil, err
	}
	for deadline := time.Now().Add(LockPatience); ; time.Sleep(5 * time.Millisecond) {
		err := unix.Flock(int(file.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		if err == nil {
			return func() { file.Close() }, nil
		}
		if !errors.Is(err, unix.EWOULDBLOCK) && !errors.Is(err, unix.EINTR) || time.Now().After(deadline) {
			file.Close()
			return nil, ErrLocked
		}
	}
}
