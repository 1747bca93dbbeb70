// SPDX-License-Identifier: MIT

// os.File beside a pair of atomic.AddInt64; c/measure.c says how turns are taken.
package main

import (
	"fmt"
	"os"
	"runtime"
	"strconv"
	"sync/atomic"
	"syscall"
	"time"
	"unsafe"
)

const (
	shortestTurn = 50 * time.Microsecond
	warmUp       = 50 * time.Millisecond
	looks        = 64
	spinsMost    = 4096
	stepsMost    = 64
	openedPath   = "/dev/null"
)

// work: count pairs take shortestTurn or more, alone.
type work struct {
	pairs func(count int64)
	count int64
}

var (
	counter  int64
	_        [64]byte
	steps    int32
	_        [64]byte
	enough   int32
	_        [64]byte
	released int64
	handle   syscall.RawConn
)

func xaddPairs(count int64) {
	for i := int64(0); i < count; i++ {
		atomic.AddInt64(&counter, 1)
		atomic.AddInt64(&counter, -1)
	}
}

func nothing(uintptr) {
}

// Control takes a reference of the file's fdMutex, calls the function, and gives the reference back.
func filePairs(count int64) {
	for i := int64(0); i < count; i++ {
		if handle.Control(nothing) != nil {
			panic("closed")
		}
	}
}

func rawOpenClose(count int64) {
	for i := int64(0); i < count; i++ {
		descriptor, _ := syscall.Open(openedPath, syscall.O_RDONLY|syscall.O_CLOEXEC, 0)
		_ = syscall.Close(descriptor)
	}
}

func wrappedOpenClose(count int64) {
	for i := int64(0); i < count; i++ {
		file, _ := os.Open(openedPath)
		_ = file.Close()
	}
}

// ---- one thread ----------------------------------------------------------------------------------------------------

func turn(w work) time.Duration {
	start := time.Now()
	w.pairs(w.count)
	return time.Since(start)
}

func each(elapsed time.Duration, count int64) float64 {
	return float64(elapsed.Nanoseconds()) / float64(count)
}

func sized(pairs func(count int64)) work {
	for start := time.Now(); time.Since(start) < warmUp; {
		pairs(looks)
	}
	w := work{pairs, looks}
	for turn(w) < shortestTurn {
		w.count *= 2
	}
	return w
}

func measureInTurns(name string, first, second work, turns int64) {
	for i := int64(0); i < turns; i++ {
		firstNs := each(turn(first), first.count)
		secondNs := each(turn(second), second.count)
		fmt.Printf("%s %.4f %.4f\n", name, firstNs, secondNs)
	}
}

// ---- two threads ---------------------------------------------------------------------------------------------------

// The goroutine keeps its thread, and the thread its processor.
func stayOn(processor int64) {
	runtime.LockOSThread()
	set := make([]uint64, processor/64+1)
	set[processor/64] = 1 << (processor % 64)
	_, _, errno := syscall.RawSyscall(syscall.SYS_SCHED_SETAFFINITY, 0, uintptr(8*len(set)),
		uintptr(unsafe.Pointer(&set[0])))
	if errno != 0 {
		panic(errno)
	}
}

// part: one thread's part of a turn of two.
type part struct {
	start time.Time
	done  int64
}

func meet(side int32) {
	for step := side; step <= stepsMost; step += 2 {
		for spins := 1; atomic.LoadInt32(&steps) != step; spins++ {
			if spins%spinsMost == 0 {
				_, _, _ = syscall.RawSyscall(syscall.SYS_SCHED_YIELD, 0, 0, 0)
			}
		}
		if step < stepsMost {
			atomic.StoreInt32(&steps, step+1)
		}
	}
}

func workTogether(w work, side int32) part {
	meet(side)
	mine := part{start: time.Now()}
	for atomic.LoadInt32(&enough) == 0 {
		w.pairs(w.count / looks)
		mine.done += w.count / looks
		if mine.done >= w.count {
			atomic.StoreInt32(&enough, 1)
		}
	}
	return mine
}

func partner(processor int64, begins <-chan work, ended chan<- part) {
	stayOn(processor)
	for w := range begins {
		ended <- workTogether(w, 1)
	}
}

func turnTogetherNs(w work, begins chan<- work, ended <-chan part) float64 {
	atomic.StoreInt32(&steps, 0)
	atomic.StoreInt32(&enough, 0)
	begins <- w
	mine := workTogether(w, 0)
	end := time.Now()
	theirs := <-ended
	start := mine.start
	if theirs.start.Before(start) {
		start = theirs.start
	}
	return each(end.Sub(start)*2, mine.done+theirs.done)
}

func measureContended(xadd, theirs work, turns, processor, partnersProcessor int64) {
	begins, ended := make(chan work), make(chan part)
	go partner(partnersProcessor, begins, ended)
	stayOn(processor)
	for i := int64(0); i < turns; i++ {
		xaddNs := turnTogetherNs(xadd, begins, ended)
		theirNs := turnTogetherNs(theirs, begins, ended)
		fmt.Printf("contended %.4f %.4f\n", xaddNs, theirNs)
	}
}

// ---- the ends of many ----------------------------------------------------------------------------------------------

type counted struct {
	words [3]uintptr
}

//go:noinline
func makeAndDrop(count int64) {
	all := make([]*counted, count)
	for i := range all {
		all[i] = new(counted)
		runtime.SetFinalizer(all[i], func(*counted) { atomic.AddInt64(&released, 1) })
	}
	runtime.KeepAlive(all)
}

func processorTime() time.Duration {
	var usage syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &usage)
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

func measureFinalization(count int64) {
	makeAndDrop(count)
	start := processorTime()
	runtime.GC()
	for waited := 0; waited < 20000 && atomic.LoadInt64(&released) < count-count/1000; waited++ {
		time.Sleep(time.Millisecond)
	}
	fmt.Printf("finalize %.4f\n", each(processorTime()-start, atomic.LoadInt64(&released)))
}

func main() {
	if len(os.Args) != 6 {
		fmt.Fprintln(os.Stderr, "usage: TURNS-ALONE TURNS-CONTENDED PROCESSOR PROCESSOR OBJECTS")
		os.Exit(2)
	}
	var numbers [5]int64
	for i, text := range os.Args[1:] {
		numbers[i], _ = strconv.ParseInt(text, 10, 64)
	}
	file, err := os.Open(openedPath)
	if err != nil {
		panic(err)
	}
	handle, err = file.SyscallConn()
	if err != nil {
		panic(err)
	}
	fmt.Println("version", runtime.Version())
	xadd, theirs := sized(xaddPairs), sized(filePairs)
	measureInTurns("alone", xadd, theirs, numbers[0])
	measureInTurns("open_close", sized(rawOpenClose), sized(wrappedOpenClose), numbers[0])
	measureFinalization(numbers[4])
	measureContended(xadd, theirs, numbers[1], numbers[2], numbers[3])
	runtime.KeepAlive(file)
}
