;; SPDX-License-Identifier: MIT
;; What goes wrong, as exceptions. Each can be caught in both of Guile's ways:
;;
;;     (guard (e ((handle-closed-error? e) …)) …)
;;     (catch 'handle-closed-error (lambda () …) (lambda (key subr message arguments . rest) …))
;;
;; What the system refuses is Guile's own system-error, with errno where system-error-errno finds it.
(define-module (safehandle errors)
  #:use-module (ice-9 exceptions)
  #:export (&handle-error make-handle-error handle-error? handle-error-status
            &handle-closed-error make-handle-closed-error handle-closed-error?
            &handle-kind-error make-handle-kind-error handle-kind-error?
            &handle-owned-error make-handle-owned-error handle-owned-error?
            raise-handle-error))

(define-exception-type &handle-error &error
  make-handle-error handle-error?
  (status handle-error-status))         ; a symbol: the name of the library's answer, as SH_E_CLOSED

(define-exception-type &handle-closed-error &handle-error
  make-handle-closed-error handle-closed-error?)

(define-exception-type &handle-kind-error &handle-error
  make-handle-kind-error handle-kind-error?)

(define-exception-type &handle-owned-error &handle-error
  make-handle-owned-error handle-owned-error?)

;; What catch knows it by, beside its type: catch compares this key.
(define make-kind-and-args
  (record-constructor &exception-with-kind-and-args))

(define (constructor-and-key status)
  (case status
    ((SH_E_CLOSED) (values make-handle-closed-error 'handle-closed-error))
    ((SH_E_KIND) (values make-handle-kind-error 'handle-kind-error))
    ((SH_E_OWNED) (values make-handle-owned-error 'handle-owned-error))
    (else (values make-handle-error 'handle-error))))

(define (raise-handle-error who status message subjects)
  (call-with-values (lambda () (constructor-and-key status))
    (lambda (constructor key)
      (let ((template (if (null? subjects) "~A" "~A ~S")))
        (raise-exception
         (make-exception (constructor status)
                         (make-exception-with-origin who)
                         (make-exception-with-message message)
                         (make-exception-with-irritants subjects)
                         (make-kind-and-args key (list who template (cons message subjects) #f))))))))

;; Printed as Guile prints its own: "In procedure handle-read: The handle is closed …".
(define (print-handle-error port key arguments default)
  (apply (case-lambda
           ((who template arguments . rest)
            (when who (format port "In procedure ~a: " who))
            (apply format port template arguments))
           (_ (default)))
         arguments))

(for-each (lambda (key) (set-exception-printer! key print-handle-error))
          '(handle-error handle-closed-error handle-kind-error handle-owned-error))
