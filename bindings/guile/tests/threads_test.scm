;; SPDX-License-Identifier: MIT
;; Handles and threads of Guile's: shared, closed under each other, woken.
(use-modules (safehandle) (tap) (srfi srfi-64) (ice-9 exceptions) (ice-9 threads) (ice-9 receive) (srfi srfi-1)
             (rnrs bytevectors))

(test-begin "threads")

(define (on-threads count proc)
  (map join-thread (map (lambda (n) (call-with-new-thread (lambda () (proc n)))) (iota count))))

(test-equal "eight threads make, use and close" (make-list 8 500)
            (on-threads 8 (lambda (n)
                            (let loop ((i 0))
                              (if (= i 500)
                                  i
                                  (let ((h (open-handle "/dev/zero" "r")))
                                    (call-with-lease h (lambda (fd) fd))
                                    (handle-read h 100)
                                    (when (= 0 (modulo i 50)) (gc))
                                    (close-handle h)
                                    (loop (+ i 1))))))))

;; Each reads of one handle until it is closed: what it reads is of that file and of no other.
(define (race)
  (let* ((h (open-handle "/dev/zero" "r"))
         (threads (map (lambda (n)
                         (call-with-new-thread
                          (lambda ()
                            (guard (e ((handle-closed-error? e) 'closed))
                              (let loop ()
                                (let ((bytes (handle-read h 8)))
                                  (if (and (bytevector? bytes) (equal? bytes (make-bytevector 8 0)))
                                      (loop)
                                      (list 'misdirected bytes))))))))
                       (iota 8)))
         (strangers '()))
    (usleep 1000)
    (close-handle h)
    (set! strangers (map (lambda (i) (open-handle "/etc/passwd" "r")) (iota 4)))
    (let ((ends (map join-thread threads)))
      (for-each close-handle strangers)
      ends)))
(test-equal "a handle that is closed under eight readers ends each of them" (make-list (* 20 8) 'closed)
            (append-map (lambda (i) (race)) (iota 20)))

(receive (reader writer) (pipe-handles)
  (let ((threads (map (lambda (n)
                        (call-with-new-thread
                         (lambda () (guard (e ((handle-closed-error? e) 'woken)) (handle-read reader 1)))))
                      (iota 4))))
    (usleep 20000)
    (test-assert "a close that waits wakes who is blocked" (close-handle reader 10000))
    (test-equal "and each says so" (make-list 4 'woken) (map join-thread threads)))
  (close-handle writer))

(receive (reader writer) (pipe-handles)
  (let ((thread (call-with-new-thread (lambda () (handle-read reader 5)))))
    (do ((i 0 (+ i 1))) ((= i 50)) (gc))
    (handle-write writer "12345")
    (test-equal "collections do not disturb who is blocked" "12345" (utf8->string (join-thread thread))))
  (for-each close-handle (list reader writer)))

;; The signal's handler runs in the middle of the read, and the read goes on.
(receive (reader writer) (pipe-handles)
  (let ((signals 0))
    (sigaction SIGALRM (lambda (n)
                         (set! signals (+ signals 1))
                         (if (< signals 5)
                             (setitimer ITIMER_REAL 0 0 0 10000)
                             (handle-write writer "after signals"))))
    (setitimer ITIMER_REAL 0 0 0 10000)
    (test-equal "a signal's handler runs while its thread reads, and the read goes on" "after signals"
                (utf8->string (handle-read reader 100)))
    (sigaction SIGALRM SIG_DFL))
  (for-each close-handle (list reader writer)))

(define released-on '())
(define thing-kind
  (make-handle-kind "thing" #:release (lambda (raw) (set! released-on (cons (current-thread) released-on)))))
(let* ((thing (wrap-handle 7 thing-kind))
       (thread (call-with-new-thread (lambda () (close-handle thing)))))
  (join-thread thread)
  (test-equal "who closes, releases" (list thread) released-on))

(let ((h #f))
  (with-handle-domain
    (join-thread (call-with-new-thread (lambda () (set! h (open-handle "/dev/null" "r"))))))
  (test-assert "a thread makes handles in the domain that it was begun in" (handle-closed? h)))

(test-end "threads")
(exit-as-tap)
