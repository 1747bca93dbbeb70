;; SPDX-License-Identifier: MIT
;; What is written in C. Loading it starts the library, on Guile's own collector.
(define-module (safehandle primitives)
  #:export (%begin-deferred %announce-deferred %set-deferred! %take-release %take-event
            %current-domain %make-domain %unload-domain
            <handle-kind> fd-kind file-kind socket-kind pipe-kind event-kind
            %make-kind handle-kind? handle-kind-name handle-kind-base %kind-release %kind-duplicate
            <handle> %open-handle %wrap-handle %pipe-handles %socket-handle %event-handle %duplicate-handle
            close-handle handle? handle-closed? handle-kind handle-is-a? %handle-raw
            %make-lease %begin-lease %end-lease
            %begin-lasting-lease %lasting-lease-raw %lasting-lease-held? %end-lasting-lease
            handle-read handle-write handle->port %end-ports
            %declare-function %function-name %set-function-pointer! %call-function))

(load-extension "guile-safehandle" "guile_safehandle_init")
