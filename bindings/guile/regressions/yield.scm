;; SPDX-License-Identifier: MIT
;; A coroutine has taken a descriptor's number and yields. Meanwhile the descriptor is closed, and its number goes to
;; somebody else, to whom the coroutine writes when it is resumed.
(use-modules (regression) (safehandle))

(define mine (temporary-file))
(define theirs (temporary-file))
(define tag (make-prompt-tag))

(define (until-yield thunk)
  "What goes on with THUNK from where it has yielded."
  (call-with-prompt tag thunk (lambda (resume) resume)))

(define (write-after-yield fd)
  (abort-to-prompt tag)
  (write-to-number fd "secret"))

(define (resume-beside-strangers resume)
  "Whether the bytes came to a stranger."
  (let ((strangers (open-strangers theirs)))
    (false-if-exception (resume))
    (close-strangers strangers)
    (string=? "secret" (strangers-hold theirs))))

(define (plain)
  (let* ((port (open-file mine "w"))
         (resume (until-yield (lambda () (write-after-yield (fileno port))))))
    (close-port port)
    (resume-beside-strangers resume)))

(define (safe-with lease)
  (let* ((handle (open-handle mine "w"))
         (resume (until-yield (lambda () (lease handle write-after-yield)))))
    (close-handle handle)
    (resume-beside-strangers resume)))

;; The one is refused when it goes on, the other has kept its file.
(define (safe)
  (or (safe-with call-with-lease)
      (safe-with call-with-lasting-lease)))

(run-tries "yield" `(("plain" . ,plain) ("safehandle" . ,safe)))
(for-each delete-file (list mine theirs))
