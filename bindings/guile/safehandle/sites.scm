;; SPDX-License-Identifier: MIT
;; Procedures that know the line that they are called from, so that warnings can name it. The line is found when the
;; call is expanded; a procedure that is passed as an argument, or applied, knows none.
(define-module (safehandle sites)
  #:export (define-with-site site))

;; (file . line) of an expression, or #f.
(define (site form)
  (let* ((source (or (syntax-source form) '()))
         (file (assq-ref source 'filename))
         (line (assq-ref source 'line)))
    (and (string? file) line (cons file (+ line 1)))))

;; (define-with-site name primitive): (name argument …) is (primitive (file . line) argument …).
(define-syntax-rule (define-with-site name primitive)
  (define-syntax name
    (lambda (form)
      (syntax-case form ()
        ((_ . arguments)
         #`(primitive '#,(datum->syntax #'name (site form)) . arguments))
        (self
         (identifier? #'self)
         #'(lambda arguments (apply primitive #f arguments)))))))
