;; SPDX-License-Identifier: MIT
;; C functions that take, give back or swallow handles, declared by a line of text.
(define-module (safehandle procedures)
  #:use-module (safehandle primitives)
  #:use-module (system foreign)
  #:use-module (system foreign-library)
  #:export (handle-procedure))

(define (function-pointer library name)
  (cond ((pointer? library) library)
        ((foreign-library? library) (foreign-library-pointer library name))
        (else (foreign-library-pointer (load-foreign-library library) name))))

(define* (handle-procedure signature #:optional library #:key (kinds '()))
  "Return a procedure that calls the C function of SIGNATURE, a line like
\"isize read(file in, bytes out[n, return], usize n) fails negative blocking errno\".  LIBRARY is the name of a shared
library, a foreign library, #f for what is loaded already, or a pointer to the function itself.  KINDS are those of
your own that the signature names.

The procedure takes what goes in, and gives back what comes out as multiple values: the function's result first, unless
it only says whether it failed or how long the bytes are; then the out and inout parameters in order."
  (let* ((function (%declare-function signature kinds))
         (name (%function-name function)))
    (%set-function-pointer! function (function-pointer library name))
    (let ((procedure (lambda arguments
                       (%call-function function arguments))))
      (set-procedure-property! procedure 'name (string->symbol name))
      procedure)))
