;; SPDX-License-Identifier: MIT
;; Handles of the operating system that cannot be closed under their users, and cannot be recycled into somebody else's.
(define-module (safehandle)
  #:use-module (safehandle primitives)
  #:use-module (safehandle deferred)
  #:use-module (safehandle errors)
  #:use-module (safehandle leases)
  #:use-module (safehandle procedures)
  #:use-module (safehandle sites)
  #:use-module (oop goops)
  #:re-export (close-handle handle? handle-closed? handle-kind handle-is-a?
               fd-kind file-kind socket-kind pipe-kind event-kind
               handle-kind? handle-kind-name handle-kind-base
               handle-read handle-write handle->port
               call-with-lease call-with-lasting-lease
               handle-procedure
               run-deferred
               &handle-error handle-error? handle-error-status
               &handle-closed-error handle-closed-error?
               &handle-kind-error handle-kind-error?
               &handle-owned-error handle-owned-error?)
  #:export (open-handle wrap-handle pipe-handles socket-handle event-handle duplicate-handle
            with-handle make-handle-kind with-handle-domain))

;; ---- making handles -------------------------------------------------------------------------------------------------

(define (mode->flags mode)
  (cond ((assoc mode `(("r" . ,O_RDONLY) ("r+" . ,O_RDWR)
                       ("w" . ,(logior O_WRONLY O_CREAT O_TRUNC)) ("w+" . ,(logior O_RDWR O_CREAT O_TRUNC))
                       ("a" . ,(logior O_WRONLY O_CREAT O_APPEND)) ("a+" . ,(logior O_RDWR O_CREAT O_APPEND))))
         => cdr)
        (else
         (scm-error 'out-of-range "open-handle" "Unknown mode ~S: say r, w, a, r+, w+, a+, or a number of flags"
                    (list mode) (list mode)))))

(define* (open-here where path flags #:optional (mode #o666))
  (%open-handle where path (if (string? flags) (mode->flags flags) flags) mode))

(define-with-site open-handle open-here)
(define-with-site wrap-handle %wrap-handle)
(define-with-site pipe-handles %pipe-handles)
(define-with-site socket-handle %socket-handle)
(define-with-site event-handle %event-handle)

;; A duplicate that is written in Scheme gives a value that the new handle owns from then on.
(define (duplicate-here where handle)
  (let* ((kind (handle-kind handle))
         (duplicate (%kind-duplicate kind)))
    (if duplicate
        (lease-and-wrap where handle kind duplicate)
        (%duplicate-handle where handle))))

(define (lease-and-wrap where handle kind duplicate)
  (call-with-lease handle
    (lambda (raw)
      (let ((copy (duplicate raw)))
        (with-exception-handler
            (lambda (exception)
              (when (handle-closed-error? exception) (release-unwrapped kind copy))
              (raise-exception exception))
          (lambda () (%wrap-handle where copy kind))
          #:unwind? #t)))))

;; The domain is closed, and nobody else has the value. A kind without a release in Scheme is one of descriptors.
(define (release-unwrapped kind copy)
  (false-if-exception ((or (%kind-release kind) close-fdes) copy)))

(define-with-site duplicate-handle duplicate-here)

;; ---- scopes ---------------------------------------------------------------------------------------------------------

(define-syntax with-handle
  (syntax-rules ()
    "Evaluate the body with each name bound to a handle, and close the handles when control leaves it in any way, the
last one first."
    ((_ () body ...)
     (let () body ...))
    ((_ ((name handle) more ...) body ...)
     (let ((name handle))
       (dynamic-wind
         (lambda () #f)
         (lambda () (with-handle (more ...) body ...))
         (lambda () (close-handle name)))))))

(define (call-with-handle-domain timeout-ms thunk)
  (let ((domain (%make-domain)))
    (dynamic-wind
      (lambda () #f)
      (lambda () (with-fluids ((%current-domain domain)) (thunk)))
      (lambda () (%unload-domain domain timeout-ms)))))

(define-syntax with-handle-domain
  (syntax-rules ()
    "Evaluate the body, and release every handle that was made meanwhile when control leaves it in any way, reachable
or not, also those of threads that were begun in it.  #:timeout-ms bounds the wait for their users: 1000 unless said."
    ((_ #:timeout-ms timeout-ms body ...)
     (call-with-handle-domain timeout-ms (lambda () body ...)))
    ((_ body ...)
     (call-with-handle-domain 1000 (lambda () body ...)))))

;; ---- kinds ----------------------------------------------------------------------------------------------------------

(define* (make-handle-kind name #:key base invalid release duplicate)
  "Return a new kind of handles.  RELEASE is called with the value of a handle of this kind, once, when nobody uses it
any more: before close-handle returns, or, for a handle that was dropped, at the end of a later call or after a
collection.  DUPLICATE is called with a value and gives back another.  INVALID is a number, or zero-or-minus-one; what
is not said is as BASE has it, and INVALID is -1 without one."
  (%make-kind name base invalid release duplicate))

;; ---- how they are printed -------------------------------------------------------------------------------------------

(define (print-handle handle port)
  (format port "#<handle ~a ~a>" (handle-kind-name (handle-kind handle))
          (if (handle-closed? handle) "closed" (%handle-raw handle))))

(define (print-kind kind port)
  (format port "#<handle-kind ~a>" (handle-kind-name kind)))

;; Not the one by the other: an object that is met again while it is printed is taken for a circle.
(define-method (write (handle <handle>) port) (print-handle handle port))
(define-method (write (kind <handle-kind>) port) (print-kind kind port))
(define-method (display (handle <handle>) port) (print-handle handle port))
(define-method (display (kind <handle-kind>) port) (print-kind kind port))
