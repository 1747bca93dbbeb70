;; SPDX-License-Identifier: MIT
;; A thread waits in recv! for bytes of its socket; the socket is closed, and its number given out again. The next
;; collection interrupts the thread, and the kernel begins the call anew with the same number: it reads what was sent to
;; somebody else.
(use-modules (regression) (safehandle) (ice-9 threads) (ice-9 receive) (rnrs bytevectors))

(define (end-of-pair fd pair)
  "The end with that number, and the other."
  (if (= fd (fileno (car pair)))
      (values (car pair) (cdr pair))
      (values (cdr pair) (car pair))))

(define (close-and-lure fd close)
  "Close it, and send something to a stranger who has got the number."
  (usleep 2000)
  (close)
  (receive (strangers peer) (end-of-pair fd (socketpair AF_UNIX SOCK_STREAM 0))
    (gc)
    (send peer (string->utf8 "secret"))
    (usleep 2000)
    (close-port peer)
    (close-port strangers)))

(define (plain)
  (let* ((pair (socketpair AF_UNIX SOCK_STREAM 0))
         (port (car pair))
         (buffer (make-bytevector 6 0))
         (thread (call-with-new-thread (lambda () (false-if-exception (recv! port buffer))))))
    (close-and-lure (fileno port) (lambda () (close-port port)))
    (close-port (cdr pair))
    (join-thread thread)
    (string=? "secret" (utf8->string buffer))))

(define (safe)
  (let* ((pair (socketpair AF_UNIX SOCK_STREAM 0))
         (fd (dup->fdes (car pair)))
         (handle (wrap-handle fd socket-kind))
         (thread (call-with-new-thread (lambda () (false-if-exception (handle-read handle 6))))))
    (close-port (car pair))
    (close-and-lure fd (lambda () (close-handle handle)))
    (close-port (cdr pair))
    (equal? (string->utf8 "secret") (join-thread thread))))

(run-tries "recv" `(("plain" . ,plain) ("safehandle" . ,safe)))
