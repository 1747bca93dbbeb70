;; SPDX-License-Identifier: MIT
;; SRFI-64 as TAP: each assertion is a case, and what it has seen instead is said.
;;
;;     (test-begin "handles") … (test-end "handles") (exit-as-tap)
(define-module (tap)
  #:use-module (srfi srfi-64)
  #:use-module (ice-9 threads)
  #:use-module (safehandle)
  #:export (exit-as-tap temporary-file wait-until drop-all lines-of open-count))

(define count 0)
(define failures 0)

(define (say-details runner)
  (for-each (lambda (pair)
              (unless (memq (car pair) '(test-name))
                (format #t "#   ~a: ~s~%" (car pair) (cdr pair))))
            (test-result-alist runner)))

(define (on-test-end runner)
  (let ((kind (test-result-kind runner)))
    (set! count (+ count 1))
    (case kind
      ((pass) (format #t "ok ~a - ~a~%" count (test-runner-test-name runner)))
      ((skip) (format #t "ok ~a - ~a # SKIP~%" count (test-runner-test-name runner)))
      (else
       (set! failures (+ failures 1))
       (format #t "not ok ~a - ~a~%" count (test-runner-test-name runner))
       (say-details runner)))
    (force-output)))

(test-runner-factory
 (lambda ()
   (let ((runner (test-runner-null)))
     (test-runner-on-test-end! runner on-test-end)
     runner)))

(define (exit-as-tap)
  (format #t "1..~a~%" count)
  (exit (if (and (> count 0) (= failures 0)) 0 1)))

;; ---- what tests of several subjects need ----------------------------------------------------------------------------

(define (temporary-file)
  "The name of a new file, which is the caller's to delete."
  (let* ((port (mkstemp! (string-copy (string-append (or (getenv "TMPDIR") "/var/tmp") "/safehandle-XXXXXX"))))
         (name (port-filename port)))
    (close-port port)
    name))

(define (wait-until true?)
  "Whether TRUE? comes to say so, with a generous limit."
  (let loop ((rounds 3000))
    (or (true?)
        (and (> rounds 0)
             (begin (usleep 10000) (loop (- rounds 1)))))))

(define (drop-all count make)
  "Call MAKE with each number below COUNT on a thread that ends, so that no stack is left that keeps what it made."
  (join-thread
   (call-with-new-thread
    (lambda ()
      (do ((i 0 (+ i 1)))
          ((= i count) #t)
        (make i))))))

(define (lines-of thunk)
  "What THUNK writes as warnings."
  (call-with-output-string
    (lambda (port)
      (parameterize ((current-warning-port port))
        (thunk)))))

(define (open-count descriptors)
  "How many of the numbers are open."
  (let loop ((rest descriptors) (open 0))
    (if (null? rest)
        open
        (loop (cdr rest)
              (if (false-if-exception (fcntl (car rest) F_GETFD)) (+ open 1) open)))))
