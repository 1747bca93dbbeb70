;; SPDX-License-Identifier: MIT
;; Leases: they end with their scope, however that is left, and what a continuation does to them.
(use-modules (safehandle) (tap) (srfi srfi-64) (ice-9 exceptions) (ice-9 threads) (ice-9 control))

(test-begin "leases")

(define (open-null) (open-handle "/dev/null" "r"))
;; Whether nobody leases it: a close then releases at once.
(define (free? h) (close-handle h))

(test-assert "the lease ends when the procedure returns"
  (let ((h (open-null)))
    (call-with-lease h (lambda (fd) fd))
    (free? h)))

(test-equal "it gives what the procedure gives, all values" '(1 2)
            (let ((h (open-null)))
              (call-with-values (lambda () (call-with-lease h (lambda (fd) (values 1 2)))) list)))

(test-assert "while it lasts, a close only begins"
  (let ((h (open-null)))
    (call-with-lease h (lambda (fd)
                         (and (not (close-handle h))
                              (handle-closed? h)
                              (= 1 (open-count (list fd))))))))

(test-assert "an exception ends it"
  (let ((h (open-null)))
    (false-if-exception (call-with-lease h (lambda (fd) (error "out"))))
    (free? h)))

(test-assert "so does an escape"
  (let ((h (open-null)))
    (let/ec escape (call-with-lease h (lambda (fd) (escape #t))))
    (free? h)))

(test-assert "leases nest"
  (let ((h (open-null)))
    (call-with-lease h (lambda (a) (call-with-lease h (lambda (b) (= a b)))))
    (free? h)))

;; ---- continuations --------------------------------------------------------------------------------------------------

;; A coroutine that is suspended inside of its lease: (values continuation handle descriptor).
(define (suspend lease-with)
  (let* ((h (open-null))
         (tag (make-prompt-tag))
         (fd #f)
         (rest (call-with-prompt tag
                 (lambda ()
                   (lease-with h (lambda (leased)
                                   (set! fd leased)
                                   (abort-to-prompt tag)
                                   (list 'resumed leased (open-count (list leased))))))
                 (lambda (continuation) continuation))))
    (values rest h fd)))

(call-with-values (lambda () (suspend (lambda (h proc) (call-with-lease h proc))))
  (lambda (resume h fd)
    (test-equal "a suspended lease is taken anew, and the number is the same" (list 'resumed fd 1) (resume))
    (test-assert "it ends again" (free? h))))

(call-with-values (lambda () (suspend (lambda (h proc) (call-with-lease h proc))))
  (lambda (resume h fd)
    (test-assert "meanwhile the handle can be closed" (free? h))
    (let ((stranger (open-null)))
      (test-assert "and a resumed coroutine is refused, whoever has its number now"
        (guard (e ((handle-closed-error? e) #t)) (resume)))
      (close-handle stranger))))

(call-with-values (lambda () (suspend call-with-lasting-lease))
  (lambda (resume h fd)
    (test-equal "a lasting lease lasts while it is suspended" '(#f 1)
                (list (free? h) (open-count (list fd))))
    (let ((stranger (open-null)))
      (test-equal "nobody else has got the number" (list 'resumed fd 1) (resume))
      (close-handle stranger))
    (test-equal "its end releases" 0 (open-count (list fd)))
    (test-assert "a second time it is refused"
      (guard (e ((handle-closed-error? e) #t)) (resume)))))

(test-assert "an exception ends a lasting lease, and goes on"
  (let ((h (open-null)))
    (guard (e ((string? e) (and (string=? e "out") (free? h))))
      (call-with-lasting-lease h (lambda (fd) (raise-exception "out"))))))

(test-equal "a return ends a lasting lease" '(1 2 #t)
            (let ((h (open-null)))
              (call-with-values (lambda () (call-with-lasting-lease h (lambda (fd) (values 1 2))))
                (lambda (a b) (list a b (free? h))))))

;; 100 coroutines are dropped inside of their leases.
(let ((descriptors '()))
  (drop-all 100 (lambda (i)
                  (call-with-values (lambda () (suspend call-with-lasting-lease))
                    (lambda (resume h fd)
                      (close-handle h)
                      (set! descriptors (cons fd descriptors))))))
  (test-equal "coroutines that are suspended hold their handles" 100 (length descriptors))
  (test-assert "the collector gives back the leases of those that are dropped"
    (wait-until (lambda () (gc) (<= (open-count descriptors) 5)))))

(test-assert "a full continuation that re-enters its own scope is refused, or leases anew"
  (let* ((h (open-null)) (again #f) (times 0))
    (call-with-lease h (lambda (fd) (call/cc (lambda (k) (set! again k))) (set! times (+ times 1))))
    (when (< times 3) (again #f))
    (and (= times 3) (free? h))))

(test-assert "an asynchronous exception ends it"
  (let* ((h (open-null)) (inside #f)
         (thread (call-with-new-thread
                  (lambda ()
                    (call-with-lease h (lambda (fd)
                                         (set! inside #t)
                                         (let loop () (usleep 1000) (loop))))))))
    (wait-until (lambda () inside))
    (cancel-thread thread)
    (join-thread thread)
    (free? h)))

(test-end "leases")
(exit-as-tap)
