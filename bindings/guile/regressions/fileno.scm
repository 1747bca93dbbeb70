;; SPDX-License-Identifier: MIT
;; The last use of a port is a call that takes only its number: the collector finds the port dead, closes it, and the
;; number goes to somebody else before the call comes to it.
(use-modules (regression) (safehandle) (ice-9 threads))

(define mine (temporary-file))
(define theirs (temporary-file))

(define (number-is-free? fd)
  (not (false-if-exception (fcntl fd F_GETFD))))

;; On a thread that ends, so that no word on a stack keeps the port.
(define (on-a-thread thunk)
  (join-thread (call-with-new-thread thunk)))

(define (collect-until done?)
  (let loop ((i 0))
    (unless (or (= i 10) (done?))
      (gc)
      (usleep 1000)
      (loop (+ i 1)))))

(define (write-beside-strangers fd)
  "Whether the bytes came to a stranger."
  (collect-until (lambda () (number-is-free? fd)))
  (let ((strangers (open-strangers theirs)))
    (write-to-number fd "secret")
    (close-strangers strangers)
    (string=? "secret" (strangers-hold theirs))))

(define (plain)
  (write-beside-strangers (on-a-thread (lambda () (fileno (open-file mine "w"))))))

(define (safe)
  (on-a-thread (lambda () (call-with-lease (open-handle mine "w") write-beside-strangers))))

(run-tries "fileno" `(("plain" . ,plain) ("safehandle" . ,safe)))
(for-each delete-file (list mine theirs))
