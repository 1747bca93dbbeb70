;; SPDX-License-Identifier: MIT
;; The end of the process: what a program forgot is flushed, released and told of. Each case is a program of its own.
(use-modules (tap) (srfi srfi-64) (ice-9 popen) (ice-9 textual-ports) (ice-9 regex))

(test-begin "exit")

(define (output-of program)
  "What the program, a list of expressions, writes on stdout and stderr, and its exit status."
  (let* ((text (call-with-output-string
                 (lambda (port)
                   (for-each (lambda (form) (write form port))
                             (cons '(use-modules (safehandle) (ice-9 threads) (system foreign)) program)))))
         (port (open-input-pipe (string-append "exec 2>&1; exec " (or (getenv "GUILE") "guile") " -c '" text "'")))
         (output (get-string-all port)))
    (cons (status:exit-val (close-pipe port)) output)))

(define-syntax-rule (test-program name status pattern form ...)
  (let ((found (output-of '(form ...))))
    (test-equal (string-append name ": exit status") status (car found))
    (test-assert (string-append name ": " (object->string (cdr found)))
      (string-match pattern (cdr found)))))

(test-program "a release in Scheme is called at exit" 0 "^released 7\n$"
  (define thing (wrap-handle 7 (make-handle-kind "thing" #:release (lambda (raw) (format #t "released ~a~%" raw))))))

(test-program "also after an exit from another thread" 3 "^released 7\n$"
  (define thing (wrap-handle 7 (make-handle-kind "thing" #:release (lambda (raw) (format #t "released ~a~%" raw)))))
  (join-thread (call-with-new-thread (lambda () (primitive-exit 3)))))

(test-program "a port that was not closed is flushed first" 0 "^a line that waits\n$"
  (define copy (wrap-handle (dup 1)))
  (define port (handle->port copy "w"))
  (display "a line that waits\n" port))

(test-program "one that cannot be written keeps nothing else from it" 0
              "is lost.*waits.*released 7|waits.*is lost.*released 7|waits.*released 7.*is lost"
  (define thing (wrap-handle 7 (make-handle-kind "thing" #:release (lambda (raw) (format #t "released ~a~%" raw)))))
  (define h (open-handle "/dev/null" "w"))
  (define lost (handle->port h "w"))
  (display "lost" lost)
  (close-handle h)
  (define port (handle->port (wrap-handle (dup 1)) "w"))
  (display "a line that waits\n" port))

(test-program "a handle that was closed leaves nothing to say" 0 "^$"
  (define h (open-handle "/dev/null" "r"))
  (close-handle h))

(test-program "a handle that is in use is told of" 0 "warning: .*still in use"
  (define h (open-handle "/dev/null" "r"))
  (define leased? #f)
  (call-with-new-thread
   (lambda ()
     (call-with-lease h (lambda (fd) (set! leased? #t) (let loop () (usleep 1000) (loop))))))
  (let wait () (unless leased? (usleep 1000) (wait))))

;; It ends as soon as they are released, and before their line has been quiet for a second.
(test-program "a leak is told of at the latest now" 0 "warning: .*dropped open.*SH_EVENT_LEAKED_TO_FINALIZER"
  (define numbers (quote ()))
  (define (open? fd) (false-if-exception (fcntl fd F_GETFD)))
  (join-thread
   (call-with-new-thread
    (lambda ()
      (do ((i 0 (+ i 1)))
          ((= i 100))
        (set! numbers (cons (call-with-lease (open-handle "/dev/null" "r") identity) numbers))))))
  (let wait ((rounds 1000))
    (when (and (> rounds 0) (> (length (filter open? numbers)) 5))
      (gc)
      (usleep 5000)
      (wait (- rounds 1)))))

(test-program "a forked child leaves its parent's handles alone" 0 "^child\nreleased 7\n$"
  (define thing (wrap-handle 7 (make-handle-kind "thing" #:release (lambda (raw) (format #t "released ~a~%" raw)))))
  (let ((child (primitive-fork)))
    (if (= child 0)
        (begin (display "child\n") (primitive-exit 0))
        (waitpid child))))

(test-program "a forked child may use handles" 0 "^#vu8\\(0\\)\n$"
  (let ((child (primitive-fork)))
    (if (= child 0)
        (begin (write (handle-read (open-handle "/dev/zero" "r") 1)) (newline) (primitive-exit 0))
        (waitpid child))))

(test-end "exit")
(exit-as-tap)
