;; SPDX-License-Identifier: MIT
;; A descriptor is closed twice. Between the two its number went to somebody else, whose file the second one closes.
(use-modules (regression) (safehandle))

(define mine (temporary-file))
(define theirs (temporary-file))

(define (closed-by close)
  "Whether closing twice has closed a stranger's file."
  (close)
  (let ((strangers (open-strangers theirs)))
    (close)
    (let ((hit? (or-map (lambda (port) (not (false-if-exception (fcntl port F_GETFD)))) strangers)))
      (close-strangers strangers)
      hit?)))

(define (plain)
  (let ((fd (open-fdes mine O_RDONLY)))
    (closed-by (lambda () (close-fdes fd)))))

(define (safe)
  (let ((handle (open-handle mine O_RDONLY)))
    (closed-by (lambda () (close-handle handle)))))

(run-tries "double_close" `(("plain" . ,plain) ("safehandle" . ,safe)))
(for-each delete-file (list mine theirs))
