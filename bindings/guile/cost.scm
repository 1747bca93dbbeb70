;; SPDX-License-Identifier: MIT
;; What one call costs, in nanoseconds of processor time: the same C functions through the binding and through Guile's
;; own means, by turns in the same process, collections included. One JSON line each: the median of the rounds, and the
;; tenth from below and from above.
;;
;;     guile cost.scm [--rounds=N] [--calls=N]
(use-modules (safehandle) (system foreign) (system foreign-library) (ice-9 getopt-long) (ice-9 format)
             (ice-9 binary-ports) (rnrs bytevectors) (srfi srfi-1) (system base compile))

(define options (getopt-long (command-line) '((rounds (value #t)) (calls (value #t)))))
(define (number-option name default) (string->number (option-ref options name default)))
(define rounds (number-option 'rounds "31"))
(define calls (number-option 'calls "20000"))

(define handle (open-handle "/dev/zero" O_RDONLY))
(define port (open-file "/dev/zero" "r0b"))
(define fd (fileno port))
(define bytes (make-bytevector 1))
(define pointer (bytevector->pointer bytes))

(define (foreign name . types)
  (foreign-library-function #f name #:return-type (car types) #:arg-types (cdr types)))

(define our-abs (handle-procedure "int abs(int)"))
(define their-abs (foreign "abs" int int))
(define our-fcntl (handle-procedure "int fcntl(fd in, int command, int argument) fails negative errno"))
(define their-fcntl (foreign "fcntl" int int int int))
(define our-read (handle-procedure "isize read(fd in, bytes out[n, return], usize n) fails negative blocking errno"))
(define their-read (foreign "read" ssize_t int '* size_t))

;; A procedure that evaluates the expression often, compiled, however this program is run. The loop alone is taken off.
(define-syntax-rule (often expression)
  (compile '(lambda ()
              (do ((i 0 (+ i 1)))
                  ((= i calls))
                expression))
           #:env (current-module)))

(define measured
  `(("nothing" ,(often #t))
    ("abs, handle-procedure" ,(often (our-abs -7)))
    ("abs, foreign-library-function" ,(often (their-abs -7)))
    ("fcntl F_GETFD, handle-procedure" ,(often (our-fcntl handle F_GETFD 0)))
    ("fcntl F_GETFD, foreign-library-function with the number" ,(often (their-fcntl fd F_GETFD 0)))
    ("fcntl F_GETFD, fcntl of Guile, with the port" ,(often (fcntl port F_GETFD)))
    ("read of one byte, handle-procedure" ,(often (our-read handle 1)))
    ("read of one byte, handle-read" ,(often (handle-read handle 1)))
    ("read of one byte, foreign-library-function with the number" ,(often (their-read fd pointer 1)))
    ("read of one byte, get-u8 of Guile, from an unbuffered port" ,(often (get-u8 port)))
    ("lease, call-with-lease" ,(often (call-with-lease handle (lambda (leased) leased))))
    ("lease, call-with-lasting-lease" ,(often (call-with-lasting-lease handle (lambda (leased) leased))))))

(define (time-of thunk)
  (let ((begun (get-internal-run-time)))
    (thunk)
    (/ (* (- (get-internal-run-time) begun) (/ 1000000000 internal-time-units-per-second)) calls)))

(define (measure-round)
  (map (lambda (row) (time-of (second row))) measured))

(define (at-share sorted share)
  (list-ref sorted (inexact->exact (floor (* share (- (length sorted) 1))))))

(define (say row times empty)
  (let ((sorted (map (lambda (time) (max 0 (- time empty))) (sort times <))))
    (format #t "{\"language\": \"guile\", \"what\": ~s, \"nanoseconds\": ~,1f, \"low\": ~,1f, \"high\": ~,1f}~%"
            (first row) (at-share sorted 1/2) (at-share sorted 1/10) (at-share sorted 9/10))))

(measure-round)                         ; to warm up
(let* ((all (apply map list (map (lambda (i) (measure-round)) (iota rounds))))
       (empty (at-share (sort (first all) <) 1/2)))
  (for-each (lambda (row times) (say row times empty)) (cdr measured) (cdr all)))

(close-handle handle)
