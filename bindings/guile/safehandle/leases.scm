;; SPDX-License-Identifier: MIT
;; Leases that last as long as a scope.
(define-module (safehandle leases)
  #:use-module (safehandle primitives)
  #:use-module (safehandle errors)
  #:use-module (safehandle sites)
  #:export (call-with-lease call-with-lasting-lease))

;; The body begins the lease, where the way out is guarded already: otherwise an asynchronous exception between the two
;; would leave it held. On the way back in, by a continuation, a new lease is taken: the number is the same, since a
;; handle has but one, and a handle that was closed meanwhile refuses.
(define (lease-and-call where handle proc)
  (let ((lease (%make-lease handle))
        (entered? #f))
    (dynamic-wind
      (lambda ()
        (when entered? (%begin-lease lease where handle)))
      (lambda ()
        (let ((raw (%begin-lease lease where handle)))
          (set! entered? #t)
          (proc raw)))
      (lambda ()
        (%end-lease lease)))))

(define-with-site call-with-lease lease-and-call)

(define (call-with-lasting-lease handle proc)
  "Call PROC with the descriptor of HANDLE, which stays open until PROC returns or raises an exception, also while a
prompt that was aborted to suspends PROC.  When the continuation is dropped, the collector gives the lease back."
  (let ((lease (%begin-lasting-lease handle)))
    (dynamic-wind
      (lambda ()
        (unless (%lasting-lease-held? lease)
          (raise-handle-error 'call-with-lasting-lease 'SH_E_CLOSED
                              "The scope of this lease has ended: what is inside of it can be resumed only once."
                              (list handle))))
      (lambda ()
        (with-exception-handler
            (lambda (exception)
              (%end-lasting-lease lease)
              (raise-exception exception))
          (lambda ()
            (call-with-values (lambda () (proc (%lasting-lease-raw lease)))
              (lambda results
                (%end-lasting-lease lease)
                (apply values results))))
          #:unwind? #t))
      (lambda () #f))))
