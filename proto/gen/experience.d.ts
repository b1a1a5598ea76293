import * as $protobuf from "protobufjs/minimal.js";

/** Namespace shellapps. */
export namespace shellapps {

    /** Namespace experience. */
    namespace experience {

        /**
         * Properties of a TrackEvent.
         * @deprecated Use shellapps.experience.TrackEvent.$Properties instead.
         */
        interface ITrackEvent extends shellapps.experience.TrackEvent.$Properties {
        }

        /** Represents a TrackEvent. */
        class TrackEvent {

            /**
             * Constructs a new TrackEvent.
             * @param [properties] Properties to set
             */
            constructor(properties?: shellapps.experience.TrackEvent.$Properties);

            /** Unknown fields preserved while decoding when enabled */
            $unknowns?: Uint8Array[];

            /** TrackEvent eventId. */
            eventId: string;

            /** TrackEvent appId. */
            appId: string;

            /** TrackEvent profileId. */
            profileId: string;

            /** TrackEvent sessionId. */
            sessionId: string;

            /** TrackEvent timestampMs. */
            timestampMs: number;

            /** TrackEvent eventType. */
            eventType: string;

            /** TrackEvent pageUrl. */
            pageUrl: string;

            /** TrackEvent elementTid. */
            elementTid: string;

            /** TrackEvent metadata. */
            metadata: { [k: string]: string };

            /** TrackEvent pageContext. */
            pageContext?: (shellapps.experience.PageContext.$Properties|null);

            /** TrackEvent elementContext. */
            elementContext?: (shellapps.experience.ElementContext.$Properties|null);

            /**
             * Encodes the specified TrackEvent message. Does not implicitly {@link shellapps.experience.TrackEvent.verify|verify} messages.
             * @param message TrackEvent message or plain object to encode
             * @param [writer] Writer to encode to
             * @returns Writer
             */
            static encode(message: shellapps.experience.TrackEvent.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

            /**
             * Decodes a TrackEvent message from the specified reader or buffer.
             * @param reader Reader or buffer to decode from
             * @param [length] Message length if known beforehand
             * @returns {shellapps.experience.TrackEvent & shellapps.experience.TrackEvent.$Shape} TrackEvent
             * @throws {Error} If the payload is not a reader or valid buffer
             * @throws {$protobuf.util.ProtocolError} If required fields are missing
             */
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): shellapps.experience.TrackEvent & shellapps.experience.TrackEvent.$Shape;
        }

        namespace TrackEvent {

            /** Properties of a TrackEvent. */
            interface $Properties {

                /** TrackEvent eventId */
                eventId?: (string|null);

                /** TrackEvent appId */
                appId?: (string|null);

                /** TrackEvent profileId */
                profileId?: (string|null);

                /** TrackEvent sessionId */
                sessionId?: (string|null);

                /** TrackEvent timestampMs */
                timestampMs?: (number|null);

                /** TrackEvent eventType */
                eventType?: (string|null);

                /** TrackEvent pageUrl */
                pageUrl?: (string|null);

                /** TrackEvent elementTid */
                elementTid?: (string|null);

                /** TrackEvent metadata */
                metadata?: ({ [k: string]: string }|null);

                /** TrackEvent pageContext */
                pageContext?: (shellapps.experience.PageContext.$Properties|null);

                /** TrackEvent elementContext */
                elementContext?: (shellapps.experience.ElementContext.$Properties|null);

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];
            }

            /** Shape of a TrackEvent. */
            type $Shape = shellapps.experience.TrackEvent.$Properties;
        }

        /**
         * Properties of a PageContext.
         * @deprecated Use shellapps.experience.PageContext.$Properties instead.
         */
        interface IPageContext extends shellapps.experience.PageContext.$Properties {
        }

        /** Represents a PageContext. */
        class PageContext {

            /**
             * Constructs a new PageContext.
             * @param [properties] Properties to set
             */
            constructor(properties?: shellapps.experience.PageContext.$Properties);

            /** Unknown fields preserved while decoding when enabled */
            $unknowns?: Uint8Array[];

            /** PageContext path. */
            path: string;

            /** PageContext title. */
            title: string;

            /** PageContext referrer. */
            referrer: string;

            /** PageContext viewportWidth. */
            viewportWidth: number;

            /** PageContext viewportHeight. */
            viewportHeight: number;

            /** PageContext loadTimeMs. */
            loadTimeMs: number;

            /**
             * Encodes the specified PageContext message. Does not implicitly {@link shellapps.experience.PageContext.verify|verify} messages.
             * @param message PageContext message or plain object to encode
             * @param [writer] Writer to encode to
             * @returns Writer
             */
            static encode(message: shellapps.experience.PageContext.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

            /**
             * Decodes a PageContext message from the specified reader or buffer.
             * @param reader Reader or buffer to decode from
             * @param [length] Message length if known beforehand
             * @returns {shellapps.experience.PageContext & shellapps.experience.PageContext.$Shape} PageContext
             * @throws {Error} If the payload is not a reader or valid buffer
             * @throws {$protobuf.util.ProtocolError} If required fields are missing
             */
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): shellapps.experience.PageContext & shellapps.experience.PageContext.$Shape;
        }

        namespace PageContext {

            /** Properties of a PageContext. */
            interface $Properties {

                /** PageContext path */
                path?: (string|null);

                /** PageContext title */
                title?: (string|null);

                /** PageContext referrer */
                referrer?: (string|null);

                /** PageContext viewportWidth */
                viewportWidth?: (number|null);

                /** PageContext viewportHeight */
                viewportHeight?: (number|null);

                /** PageContext loadTimeMs */
                loadTimeMs?: (number|null);

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];
            }

            /** Shape of a PageContext. */
            type $Shape = shellapps.experience.PageContext.$Properties;
        }

        /**
         * Properties of an ElementContext.
         * @deprecated Use shellapps.experience.ElementContext.$Properties instead.
         */
        interface IElementContext extends shellapps.experience.ElementContext.$Properties {
        }

        /** Represents an ElementContext. */
        class ElementContext {

            /**
             * Constructs a new ElementContext.
             * @param [properties] Properties to set
             */
            constructor(properties?: shellapps.experience.ElementContext.$Properties);

            /** Unknown fields preserved while decoding when enabled */
            $unknowns?: Uint8Array[];

            /** ElementContext tag. */
            tag: string;

            /** ElementContext text. */
            text: string;

            /** ElementContext x. */
            x: number;

            /** ElementContext y. */
            y: number;

            /** ElementContext scrollDepthPct. */
            scrollDepthPct: number;

            /**
             * Encodes the specified ElementContext message. Does not implicitly {@link shellapps.experience.ElementContext.verify|verify} messages.
             * @param message ElementContext message or plain object to encode
             * @param [writer] Writer to encode to
             * @returns Writer
             */
            static encode(message: shellapps.experience.ElementContext.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

            /**
             * Decodes an ElementContext message from the specified reader or buffer.
             * @param reader Reader or buffer to decode from
             * @param [length] Message length if known beforehand
             * @returns {shellapps.experience.ElementContext & shellapps.experience.ElementContext.$Shape} ElementContext
             * @throws {Error} If the payload is not a reader or valid buffer
             * @throws {$protobuf.util.ProtocolError} If required fields are missing
             */
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): shellapps.experience.ElementContext & shellapps.experience.ElementContext.$Shape;
        }

        namespace ElementContext {

            /** Properties of an ElementContext. */
            interface $Properties {

                /** ElementContext tag */
                tag?: (string|null);

                /** ElementContext text */
                text?: (string|null);

                /** ElementContext x */
                x?: (number|null);

                /** ElementContext y */
                y?: (number|null);

                /** ElementContext scrollDepthPct */
                scrollDepthPct?: (number|null);

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];
            }

            /** Shape of an ElementContext. */
            type $Shape = shellapps.experience.ElementContext.$Properties;
        }

        /**
         * Properties of a HeatmapEvent.
         * @deprecated Use shellapps.experience.HeatmapEvent.$Properties instead.
         */
        interface IHeatmapEvent extends shellapps.experience.HeatmapEvent.$Properties {
        }

        /** Represents a HeatmapEvent. */
        class HeatmapEvent {

            /**
             * Constructs a new HeatmapEvent.
             * @param [properties] Properties to set
             */
            constructor(properties?: shellapps.experience.HeatmapEvent.$Properties);

            /** Unknown fields preserved while decoding when enabled */
            $unknowns?: Uint8Array[];

            /** HeatmapEvent appId. */
            appId: string;

            /** HeatmapEvent profileId. */
            profileId: string;

            /** HeatmapEvent sessionId. */
            sessionId: string;

            /** HeatmapEvent pageUrl. */
            pageUrl: string;

            /** HeatmapEvent timestampMs. */
            timestampMs: number;

            /** HeatmapEvent x. */
            x: number;

            /** HeatmapEvent y. */
            y: number;

            /** HeatmapEvent viewportWidth. */
            viewportWidth: number;

            /** HeatmapEvent viewportHeight. */
            viewportHeight: number;

            /**
             * Encodes the specified HeatmapEvent message. Does not implicitly {@link shellapps.experience.HeatmapEvent.verify|verify} messages.
             * @param message HeatmapEvent message or plain object to encode
             * @param [writer] Writer to encode to
             * @returns Writer
             */
            static encode(message: shellapps.experience.HeatmapEvent.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

            /**
             * Decodes a HeatmapEvent message from the specified reader or buffer.
             * @param reader Reader or buffer to decode from
             * @param [length] Message length if known beforehand
             * @returns {shellapps.experience.HeatmapEvent & shellapps.experience.HeatmapEvent.$Shape} HeatmapEvent
             * @throws {Error} If the payload is not a reader or valid buffer
             * @throws {$protobuf.util.ProtocolError} If required fields are missing
             */
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): shellapps.experience.HeatmapEvent & shellapps.experience.HeatmapEvent.$Shape;
        }

        namespace HeatmapEvent {

            /** Properties of a HeatmapEvent. */
            interface $Properties {

                /** HeatmapEvent appId */
                appId?: (string|null);

                /** HeatmapEvent profileId */
                profileId?: (string|null);

                /** HeatmapEvent sessionId */
                sessionId?: (string|null);

                /** HeatmapEvent pageUrl */
                pageUrl?: (string|null);

                /** HeatmapEvent timestampMs */
                timestampMs?: (number|null);

                /** HeatmapEvent x */
                x?: (number|null);

                /** HeatmapEvent y */
                y?: (number|null);

                /** HeatmapEvent viewportWidth */
                viewportWidth?: (number|null);

                /** HeatmapEvent viewportHeight */
                viewportHeight?: (number|null);

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];
            }

            /** Shape of a HeatmapEvent. */
            type $Shape = shellapps.experience.HeatmapEvent.$Properties;
        }

        /**
         * Properties of an EventBatch.
         * @deprecated Use shellapps.experience.EventBatch.$Properties instead.
         */
        interface IEventBatch extends shellapps.experience.EventBatch.$Properties {
        }

        /** Represents an EventBatch. */
        class EventBatch {

            /**
             * Constructs a new EventBatch.
             * @param [properties] Properties to set
             */
            constructor(properties?: shellapps.experience.EventBatch.$Properties);

            /** Unknown fields preserved while decoding when enabled */
            $unknowns?: Uint8Array[];

            /** EventBatch events. */
            events: shellapps.experience.TrackEvent.$Properties[];

            /** EventBatch heatmapEvents. */
            heatmapEvents: shellapps.experience.HeatmapEvent.$Properties[];

            /**
             * Encodes the specified EventBatch message. Does not implicitly {@link shellapps.experience.EventBatch.verify|verify} messages.
             * @param message EventBatch message or plain object to encode
             * @param [writer] Writer to encode to
             * @returns Writer
             */
            static encode(message: shellapps.experience.EventBatch.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

            /**
             * Decodes an EventBatch message from the specified reader or buffer.
             * @param reader Reader or buffer to decode from
             * @param [length] Message length if known beforehand
             * @returns {shellapps.experience.EventBatch & shellapps.experience.EventBatch.$Shape} EventBatch
             * @throws {Error} If the payload is not a reader or valid buffer
             * @throws {$protobuf.util.ProtocolError} If required fields are missing
             */
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): shellapps.experience.EventBatch & shellapps.experience.EventBatch.$Shape;
        }

        namespace EventBatch {

            /** Properties of an EventBatch. */
            interface $Properties {

                /** EventBatch events */
                events?: (shellapps.experience.TrackEvent.$Properties[]|null);

                /** EventBatch heatmapEvents */
                heatmapEvents?: (shellapps.experience.HeatmapEvent.$Properties[]|null);

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];
            }

            /** Shape of an EventBatch. */
            type $Shape = shellapps.experience.EventBatch.$Properties;
        }

        /**
         * Properties of an IngestResponse.
         * @deprecated Use shellapps.experience.IngestResponse.$Properties instead.
         */
        interface IIngestResponse extends shellapps.experience.IngestResponse.$Properties {
        }

        /** Represents an IngestResponse. */
        class IngestResponse {

            /**
             * Constructs a new IngestResponse.
             * @param [properties] Properties to set
             */
            constructor(properties?: shellapps.experience.IngestResponse.$Properties);

            /** Unknown fields preserved while decoding when enabled */
            $unknowns?: Uint8Array[];

            /** IngestResponse success. */
            success: boolean;

            /** IngestResponse eventsAccepted. */
            eventsAccepted: number;

            /** IngestResponse eventsRejected. */
            eventsRejected: number;

            /**
             * Encodes the specified IngestResponse message. Does not implicitly {@link shellapps.experience.IngestResponse.verify|verify} messages.
             * @param message IngestResponse message or plain object to encode
             * @param [writer] Writer to encode to
             * @returns Writer
             */
            static encode(message: shellapps.experience.IngestResponse.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

            /**
             * Decodes an IngestResponse message from the specified reader or buffer.
             * @param reader Reader or buffer to decode from
             * @param [length] Message length if known beforehand
             * @returns {shellapps.experience.IngestResponse & shellapps.experience.IngestResponse.$Shape} IngestResponse
             * @throws {Error} If the payload is not a reader or valid buffer
             * @throws {$protobuf.util.ProtocolError} If required fields are missing
             */
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): shellapps.experience.IngestResponse & shellapps.experience.IngestResponse.$Shape;
        }

        namespace IngestResponse {

            /** Properties of an IngestResponse. */
            interface $Properties {

                /** IngestResponse success */
                success?: (boolean|null);

                /** IngestResponse eventsAccepted */
                eventsAccepted?: (number|null);

                /** IngestResponse eventsRejected */
                eventsRejected?: (number|null);

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];
            }

            /** Shape of an IngestResponse. */
            type $Shape = shellapps.experience.IngestResponse.$Properties;
        }

        /**
         * Properties of an ErrorEvent.
         * @deprecated Use shellapps.experience.ErrorEvent.$Properties instead.
         */
        interface IErrorEvent extends shellapps.experience.ErrorEvent.$Properties {
        }

        /** Represents an ErrorEvent. */
        class ErrorEvent {

            /**
             * Constructs a new ErrorEvent.
             * @param [properties] Properties to set
             */
            constructor(properties?: shellapps.experience.ErrorEvent.$Properties);

            /** Unknown fields preserved while decoding when enabled */
            $unknowns?: Uint8Array[];

            /** ErrorEvent errorId. */
            errorId: string;

            /** ErrorEvent appId. */
            appId: string;

            /** ErrorEvent profileId. */
            profileId: string;

            /** ErrorEvent sessionId. */
            sessionId: string;

            /** ErrorEvent timestampMs. */
            timestampMs: number;

            /** ErrorEvent errorType. */
            errorType: string;

            /** ErrorEvent message. */
            message: string;

            /** ErrorEvent stackTrace. */
            stackTrace: string;

            /** ErrorEvent sourceFile. */
            sourceFile: string;

            /** ErrorEvent line. */
            line: number;

            /** ErrorEvent column. */
            column: number;

            /** ErrorEvent pageContext. */
            pageContext?: (shellapps.experience.PageContext.$Properties|null);

            /** ErrorEvent browserContext. */
            browserContext?: (shellapps.experience.BrowserContext.$Properties|null);

            /** ErrorEvent userComment. */
            userComment: string;

            /** ErrorEvent severity. */
            severity: shellapps.experience.Severity;

            /** ErrorEvent tags. */
            tags: { [k: string]: string };

            /** ErrorEvent breadcrumbs. */
            breadcrumbs: shellapps.experience.Breadcrumb.$Properties[];

            /** ErrorEvent release. */
            release: string;

            /** ErrorEvent environment. */
            environment: string;

            /**
             * Encodes the specified ErrorEvent message. Does not implicitly {@link shellapps.experience.ErrorEvent.verify|verify} messages.
             * @param message ErrorEvent message or plain object to encode
             * @param [writer] Writer to encode to
             * @returns Writer
             */
            static encode(message: shellapps.experience.ErrorEvent.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

            /**
             * Decodes an ErrorEvent message from the specified reader or buffer.
             * @param reader Reader or buffer to decode from
             * @param [length] Message length if known beforehand
             * @returns {shellapps.experience.ErrorEvent & shellapps.experience.ErrorEvent.$Shape} ErrorEvent
             * @throws {Error} If the payload is not a reader or valid buffer
             * @throws {$protobuf.util.ProtocolError} If required fields are missing
             */
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): shellapps.experience.ErrorEvent & shellapps.experience.ErrorEvent.$Shape;
        }

        namespace ErrorEvent {

            /** Properties of an ErrorEvent. */
            interface $Properties {

                /** ErrorEvent errorId */
                errorId?: (string|null);

                /** ErrorEvent appId */
                appId?: (string|null);

                /** ErrorEvent profileId */
                profileId?: (string|null);

                /** ErrorEvent sessionId */
                sessionId?: (string|null);

                /** ErrorEvent timestampMs */
                timestampMs?: (number|null);

                /** ErrorEvent errorType */
                errorType?: (string|null);

                /** ErrorEvent message */
                message?: (string|null);

                /** ErrorEvent stackTrace */
                stackTrace?: (string|null);

                /** ErrorEvent sourceFile */
                sourceFile?: (string|null);

                /** ErrorEvent line */
                line?: (number|null);

                /** ErrorEvent column */
                column?: (number|null);

                /** ErrorEvent pageContext */
                pageContext?: (shellapps.experience.PageContext.$Properties|null);

                /** ErrorEvent browserContext */
                browserContext?: (shellapps.experience.BrowserContext.$Properties|null);

                /** ErrorEvent userComment */
                userComment?: (string|null);

                /** ErrorEvent severity */
                severity?: (shellapps.experience.Severity|null);

                /** ErrorEvent tags */
                tags?: ({ [k: string]: string }|null);

                /** ErrorEvent breadcrumbs */
                breadcrumbs?: (shellapps.experience.Breadcrumb.$Properties[]|null);

                /** ErrorEvent release */
                release?: (string|null);

                /** ErrorEvent environment */
                environment?: (string|null);

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];
            }

            /** Shape of an ErrorEvent. */
            type $Shape = shellapps.experience.ErrorEvent.$Properties;
        }

        /** Severity enum. */
        enum Severity {

            /** INFO value */
            INFO = 0,

            /** WARNING value */
            WARNING = 1,

            /** ERROR value */
            ERROR = 2,

            /** FATAL value */
            FATAL = 3
        }

        /**
         * Properties of a Breadcrumb.
         * @deprecated Use shellapps.experience.Breadcrumb.$Properties instead.
         */
        interface IBreadcrumb extends shellapps.experience.Breadcrumb.$Properties {
        }

        /** Represents a Breadcrumb. */
        class Breadcrumb {

            /**
             * Constructs a new Breadcrumb.
             * @param [properties] Properties to set
             */
            constructor(properties?: shellapps.experience.Breadcrumb.$Properties);

            /** Unknown fields preserved while decoding when enabled */
            $unknowns?: Uint8Array[];

            /** Breadcrumb timestampMs. */
            timestampMs: number;

            /** Breadcrumb category. */
            category: string;

            /** Breadcrumb message. */
            message: string;

            /** Breadcrumb data. */
            data: { [k: string]: string };

            /**
             * Encodes the specified Breadcrumb message. Does not implicitly {@link shellapps.experience.Breadcrumb.verify|verify} messages.
             * @param message Breadcrumb message or plain object to encode
             * @param [writer] Writer to encode to
             * @returns Writer
             */
            static encode(message: shellapps.experience.Breadcrumb.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

            /**
             * Decodes a Breadcrumb message from the specified reader or buffer.
             * @param reader Reader or buffer to decode from
             * @param [length] Message length if known beforehand
             * @returns {shellapps.experience.Breadcrumb & shellapps.experience.Breadcrumb.$Shape} Breadcrumb
             * @throws {Error} If the payload is not a reader or valid buffer
             * @throws {$protobuf.util.ProtocolError} If required fields are missing
             */
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): shellapps.experience.Breadcrumb & shellapps.experience.Breadcrumb.$Shape;
        }

        namespace Breadcrumb {

            /** Properties of a Breadcrumb. */
            interface $Properties {

                /** Breadcrumb timestampMs */
                timestampMs?: (number|null);

                /** Breadcrumb category */
                category?: (string|null);

                /** Breadcrumb message */
                message?: (string|null);

                /** Breadcrumb data */
                data?: ({ [k: string]: string }|null);

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];
            }

            /** Shape of a Breadcrumb. */
            type $Shape = shellapps.experience.Breadcrumb.$Properties;
        }

        /**
         * Properties of a BrowserContext.
         * @deprecated Use shellapps.experience.BrowserContext.$Properties instead.
         */
        interface IBrowserContext extends shellapps.experience.BrowserContext.$Properties {
        }

        /** Represents a BrowserContext. */
        class BrowserContext {

            /**
             * Constructs a new BrowserContext.
             * @param [properties] Properties to set
             */
            constructor(properties?: shellapps.experience.BrowserContext.$Properties);

            /** Unknown fields preserved while decoding when enabled */
            $unknowns?: Uint8Array[];

            /** BrowserContext userAgent. */
            userAgent: string;

            /** BrowserContext browser. */
            browser: string;

            /** BrowserContext browserVersion. */
            browserVersion: string;

            /** BrowserContext os. */
            os: string;

            /** BrowserContext deviceType. */
            deviceType: string;

            /** BrowserContext screenWidth. */
            screenWidth: number;

            /** BrowserContext screenHeight. */
            screenHeight: number;

            /**
             * Encodes the specified BrowserContext message. Does not implicitly {@link shellapps.experience.BrowserContext.verify|verify} messages.
             * @param message BrowserContext message or plain object to encode
             * @param [writer] Writer to encode to
             * @returns Writer
             */
            static encode(message: shellapps.experience.BrowserContext.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

            /**
             * Decodes a BrowserContext message from the specified reader or buffer.
             * @param reader Reader or buffer to decode from
             * @param [length] Message length if known beforehand
             * @returns {shellapps.experience.BrowserContext & shellapps.experience.BrowserContext.$Shape} BrowserContext
             * @throws {Error} If the payload is not a reader or valid buffer
             * @throws {$protobuf.util.ProtocolError} If required fields are missing
             */
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): shellapps.experience.BrowserContext & shellapps.experience.BrowserContext.$Shape;
        }

        namespace BrowserContext {

            /** Properties of a BrowserContext. */
            interface $Properties {

                /** BrowserContext userAgent */
                userAgent?: (string|null);

                /** BrowserContext browser */
                browser?: (string|null);

                /** BrowserContext browserVersion */
                browserVersion?: (string|null);

                /** BrowserContext os */
                os?: (string|null);

                /** BrowserContext deviceType */
                deviceType?: (string|null);

                /** BrowserContext screenWidth */
                screenWidth?: (number|null);

                /** BrowserContext screenHeight */
                screenHeight?: (number|null);

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];
            }

            /** Shape of a BrowserContext. */
            type $Shape = shellapps.experience.BrowserContext.$Properties;
        }

        /**
         * Properties of an ErrorBatch.
         * @deprecated Use shellapps.experience.ErrorBatch.$Properties instead.
         */
        interface IErrorBatch extends shellapps.experience.ErrorBatch.$Properties {
        }

        /** Represents an ErrorBatch. */
        class ErrorBatch {

            /**
             * Constructs a new ErrorBatch.
             * @param [properties] Properties to set
             */
            constructor(properties?: shellapps.experience.ErrorBatch.$Properties);

            /** Unknown fields preserved while decoding when enabled */
            $unknowns?: Uint8Array[];

            /** ErrorBatch errors. */
            errors: shellapps.experience.ErrorEvent.$Properties[];

            /**
             * Encodes the specified ErrorBatch message. Does not implicitly {@link shellapps.experience.ErrorBatch.verify|verify} messages.
             * @param message ErrorBatch message or plain object to encode
             * @param [writer] Writer to encode to
             * @returns Writer
             */
            static encode(message: shellapps.experience.ErrorBatch.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

            /**
             * Decodes an ErrorBatch message from the specified reader or buffer.
             * @param reader Reader or buffer to decode from
             * @param [length] Message length if known beforehand
             * @returns {shellapps.experience.ErrorBatch & shellapps.experience.ErrorBatch.$Shape} ErrorBatch
             * @throws {Error} If the payload is not a reader or valid buffer
             * @throws {$protobuf.util.ProtocolError} If required fields are missing
             */
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): shellapps.experience.ErrorBatch & shellapps.experience.ErrorBatch.$Shape;
        }

        namespace ErrorBatch {

            /** Properties of an ErrorBatch. */
            interface $Properties {

                /** ErrorBatch errors */
                errors?: (shellapps.experience.ErrorEvent.$Properties[]|null);

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];
            }

            /** Shape of an ErrorBatch. */
            type $Shape = shellapps.experience.ErrorBatch.$Properties;
        }

        /**
         * Properties of a FeatureFlag.
         * @deprecated Use shellapps.experience.FeatureFlag.$Properties instead.
         */
        interface IFeatureFlag extends shellapps.experience.FeatureFlag.$Properties {
        }

        /** Represents a FeatureFlag. */
        class FeatureFlag {

            /**
             * Constructs a new FeatureFlag.
             * @param [properties] Properties to set
             */
            constructor(properties?: shellapps.experience.FeatureFlag.$Properties);

            /** Unknown fields preserved while decoding when enabled */
            $unknowns?: Uint8Array[];

            /** FeatureFlag flagId. */
            flagId: string;

            /** FeatureFlag appId. */
            appId: string;

            /** FeatureFlag key. */
            key: string;

            /** FeatureFlag description. */
            description: string;

            /** FeatureFlag type. */
            type: shellapps.experience.FlagType;

            /** FeatureFlag defaultValue. */
            defaultValue?: (shellapps.experience.FlagValue.$Properties|null);

            /** FeatureFlag rules. */
            rules: shellapps.experience.FlagRule.$Properties[];

            /** FeatureFlag enabled. */
            enabled: boolean;

            /** FeatureFlag createdAt. */
            createdAt: number;

            /** FeatureFlag updatedAt. */
            updatedAt: number;

            /**
             * Encodes the specified FeatureFlag message. Does not implicitly {@link shellapps.experience.FeatureFlag.verify|verify} messages.
             * @param message FeatureFlag message or plain object to encode
             * @param [writer] Writer to encode to
             * @returns Writer
             */
            static encode(message: shellapps.experience.FeatureFlag.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

            /**
             * Decodes a FeatureFlag message from the specified reader or buffer.
             * @param reader Reader or buffer to decode from
             * @param [length] Message length if known beforehand
             * @returns {shellapps.experience.FeatureFlag & shellapps.experience.FeatureFlag.$Shape} FeatureFlag
             * @throws {Error} If the payload is not a reader or valid buffer
             * @throws {$protobuf.util.ProtocolError} If required fields are missing
             */
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): shellapps.experience.FeatureFlag & shellapps.experience.FeatureFlag.$Shape;
        }

        namespace FeatureFlag {

            /** Properties of a FeatureFlag. */
            interface $Properties {

                /** FeatureFlag flagId */
                flagId?: (string|null);

                /** FeatureFlag appId */
                appId?: (string|null);

                /** FeatureFlag key */
                key?: (string|null);

                /** FeatureFlag description */
                description?: (string|null);

                /** FeatureFlag type */
                type?: (shellapps.experience.FlagType|null);

                /** FeatureFlag defaultValue */
                defaultValue?: (shellapps.experience.FlagValue.$Properties|null);

                /** FeatureFlag rules */
                rules?: (shellapps.experience.FlagRule.$Properties[]|null);

                /** FeatureFlag enabled */
                enabled?: (boolean|null);

                /** FeatureFlag createdAt */
                createdAt?: (number|null);

                /** FeatureFlag updatedAt */
                updatedAt?: (number|null);

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];
            }

            /** Shape of a FeatureFlag. */
            type $Shape = {
              flagId?: string|null;
              appId?: string|null;
              key?: string|null;
              description?: string|null;
              type?: shellapps.experience.FlagType|null;
              defaultValue?: shellapps.experience.FlagValue.$Shape|null;
              rules?: shellapps.experience.FlagRule.$Shape[]|null;
              enabled?: boolean|null;
              createdAt?: number|null;
              updatedAt?: number|null;
              $unknowns?: Uint8Array[];
            };
        }

        /** FlagType enum. */
        enum FlagType {

            /** BOOLEAN value */
            BOOLEAN = 0,

            /** STRING value */
            STRING = 1,

            /** NUMBER value */
            NUMBER = 2,

            /** JSON value */
            JSON = 3
        }

        /**
         * Properties of a FlagValue.
         * @deprecated Use shellapps.experience.FlagValue.$Properties instead.
         */
        interface IFlagValue extends shellapps.experience.FlagValue.$Properties {
        }

        /** Represents a FlagValue. */
        class FlagValue {

            /**
             * Constructs a new FlagValue.
             * @param [properties] Properties to set
             */
            constructor(properties?: shellapps.experience.FlagValue.$Properties);

            /** Unknown fields preserved while decoding when enabled */
            $unknowns?: Uint8Array[];

            /** FlagValue boolValue. */
            boolValue?: (boolean|null);

            /** FlagValue stringValue. */
            stringValue?: (string|null);

            /** FlagValue numberValue. */
            numberValue?: (number|null);

            /** FlagValue jsonValue. */
            jsonValue?: (string|null);

            /** FlagValue value. */
            value?: ("boolValue"|"stringValue"|"numberValue"|"jsonValue");

            /**
             * Encodes the specified FlagValue message. Does not implicitly {@link shellapps.experience.FlagValue.verify|verify} messages.
             * @param message FlagValue message or plain object to encode
             * @param [writer] Writer to encode to
             * @returns Writer
             */
            static encode(message: shellapps.experience.FlagValue.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

            /**
             * Decodes a FlagValue message from the specified reader or buffer.
             * @param reader Reader or buffer to decode from
             * @param [length] Message length if known beforehand
             * @returns {shellapps.experience.FlagValue & shellapps.experience.FlagValue.$Shape} FlagValue
             * @throws {Error} If the payload is not a reader or valid buffer
             * @throws {$protobuf.util.ProtocolError} If required fields are missing
             */
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): shellapps.experience.FlagValue & shellapps.experience.FlagValue.$Shape;
        }

        namespace FlagValue {

            /** Properties of a FlagValue. */
            interface $Properties {

                /** FlagValue boolValue */
                boolValue?: (boolean|null);

                /** FlagValue stringValue */
                stringValue?: (string|null);

                /** FlagValue numberValue */
                numberValue?: (number|null);

                /** FlagValue jsonValue */
                jsonValue?: (string|null);

                /** FlagValue value */
                value?: ("boolValue"|"stringValue"|"numberValue"|"jsonValue");

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];
            }

            /** Narrowed shape of a FlagValue. */
            type $Shape = {
              boolValue?: boolean|null;
              stringValue?: string|null;
              numberValue?: number|null;
              jsonValue?: string|null;
              $unknowns?: Uint8Array[];
            } & (
              ({ value?: undefined; boolValue?: null; stringValue?: null; numberValue?: null; jsonValue?: null }|{ value?: "boolValue"; boolValue: boolean; stringValue?: null; numberValue?: null; jsonValue?: null }|{ value?: "stringValue"; boolValue?: null; stringValue: string; numberValue?: null; jsonValue?: null }|{ value?: "numberValue"; boolValue?: null; stringValue?: null; numberValue: number; jsonValue?: null }|{ value?: "jsonValue"; boolValue?: null; stringValue?: null; numberValue?: null; jsonValue: string })
            );
        }

        /**
         * Properties of a FlagRule.
         * @deprecated Use shellapps.experience.FlagRule.$Properties instead.
         */
        interface IFlagRule extends shellapps.experience.FlagRule.$Properties {
        }

        /** Represents a FlagRule. */
        class FlagRule {

            /**
             * Constructs a new FlagRule.
             * @param [properties] Properties to set
             */
            constructor(properties?: shellapps.experience.FlagRule.$Properties);

            /** Unknown fields preserved while decoding when enabled */
            $unknowns?: Uint8Array[];

            /** FlagRule ruleId. */
            ruleId: string;

            /** FlagRule priority. */
            priority: number;

            /** FlagRule conditions. */
            conditions: shellapps.experience.FlagCondition.$Properties[];

            /** FlagRule value. */
            value?: (shellapps.experience.FlagValue.$Properties|null);

            /** FlagRule rolloutPercentage. */
            rolloutPercentage: number;

            /** FlagRule experimentId. */
            experimentId: string;

            /**
             * Encodes the specified FlagRule message. Does not implicitly {@link shellapps.experience.FlagRule.verify|verify} messages.
             * @param message FlagRule message or plain object to encode
             * @param [writer] Writer to encode to
             * @returns Writer
             */
            static encode(message: shellapps.experience.FlagRule.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

            /**
             * Decodes a FlagRule message from the specified reader or buffer.
             * @param reader Reader or buffer to decode from
             * @param [length] Message length if known beforehand
             * @returns {shellapps.experience.FlagRule & shellapps.experience.FlagRule.$Shape} FlagRule
             * @throws {Error} If the payload is not a reader or valid buffer
             * @throws {$protobuf.util.ProtocolError} If required fields are missing
             */
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): shellapps.experience.FlagRule & shellapps.experience.FlagRule.$Shape;
        }

        namespace FlagRule {

            /** Properties of a FlagRule. */
            interface $Properties {

                /** FlagRule ruleId */
                ruleId?: (string|null);

                /** FlagRule priority */
                priority?: (number|null);

                /** FlagRule conditions */
                conditions?: (shellapps.experience.FlagCondition.$Properties[]|null);

                /** FlagRule value */
                value?: (shellapps.experience.FlagValue.$Properties|null);

                /** FlagRule rolloutPercentage */
                rolloutPercentage?: (number|null);

                /** FlagRule experimentId */
                experimentId?: (string|null);

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];
            }

            /** Shape of a FlagRule. */
            type $Shape = {
              ruleId?: string|null;
              priority?: number|null;
              conditions?: shellapps.experience.FlagCondition.$Shape[]|null;
              value?: shellapps.experience.FlagValue.$Shape|null;
              rolloutPercentage?: number|null;
              experimentId?: string|null;
              $unknowns?: Uint8Array[];
            };
        }

        /**
         * Properties of a FlagCondition.
         * @deprecated Use shellapps.experience.FlagCondition.$Properties instead.
         */
        interface IFlagCondition extends shellapps.experience.FlagCondition.$Properties {
        }

        /** Represents a FlagCondition. */
        class FlagCondition {

            /**
             * Constructs a new FlagCondition.
             * @param [properties] Properties to set
             */
            constructor(properties?: shellapps.experience.FlagCondition.$Properties);

            /** Unknown fields preserved while decoding when enabled */
            $unknowns?: Uint8Array[];

            /** FlagCondition attribute. */
            attribute: string;

            /** FlagCondition operator. */
            operator: string;

            /** FlagCondition values. */
            values: string[];

            /**
             * Encodes the specified FlagCondition message. Does not implicitly {@link shellapps.experience.FlagCondition.verify|verify} messages.
             * @param message FlagCondition message or plain object to encode
             * @param [writer] Writer to encode to
             * @returns Writer
             */
            static encode(message: shellapps.experience.FlagCondition.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

            /**
             * Decodes a FlagCondition message from the specified reader or buffer.
             * @param reader Reader or buffer to decode from
             * @param [length] Message length if known beforehand
             * @returns {shellapps.experience.FlagCondition & shellapps.experience.FlagCondition.$Shape} FlagCondition
             * @throws {Error} If the payload is not a reader or valid buffer
             * @throws {$protobuf.util.ProtocolError} If required fields are missing
             */
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): shellapps.experience.FlagCondition & shellapps.experience.FlagCondition.$Shape;
        }

        namespace FlagCondition {

            /** Properties of a FlagCondition. */
            interface $Properties {

                /** FlagCondition attribute */
                attribute?: (string|null);

                /** FlagCondition operator */
                operator?: (string|null);

                /** FlagCondition values */
                values?: (string[]|null);

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];
            }

            /** Shape of a FlagCondition. */
            type $Shape = shellapps.experience.FlagCondition.$Properties;
        }

        /**
         * Properties of a UserFlagSet.
         * @deprecated Use shellapps.experience.UserFlagSet.$Properties instead.
         */
        interface IUserFlagSet extends shellapps.experience.UserFlagSet.$Properties {
        }

        /** Represents a UserFlagSet. */
        class UserFlagSet {

            /**
             * Constructs a new UserFlagSet.
             * @param [properties] Properties to set
             */
            constructor(properties?: shellapps.experience.UserFlagSet.$Properties);

            /** Unknown fields preserved while decoding when enabled */
            $unknowns?: Uint8Array[];

            /** UserFlagSet profileId. */
            profileId: string;

            /** UserFlagSet appId. */
            appId: string;

            /** UserFlagSet flags. */
            flags: { [k: string]: shellapps.experience.FlagValue.$Properties };

            /** UserFlagSet computedAt. */
            computedAt: number;

            /**
             * Encodes the specified UserFlagSet message. Does not implicitly {@link shellapps.experience.UserFlagSet.verify|verify} messages.
             * @param message UserFlagSet message or plain object to encode
             * @param [writer] Writer to encode to
             * @returns Writer
             */
            static encode(message: shellapps.experience.UserFlagSet.$Properties, writer?: $protobuf.Writer): $protobuf.Writer;

            /**
             * Decodes a UserFlagSet message from the specified reader or buffer.
             * @param reader Reader or buffer to decode from
             * @param [length] Message length if known beforehand
             * @returns {shellapps.experience.UserFlagSet & shellapps.experience.UserFlagSet.$Shape} UserFlagSet
             * @throws {Error} If the payload is not a reader or valid buffer
             * @throws {$protobuf.util.ProtocolError} If required fields are missing
             */
            static decode(reader: ($protobuf.Reader|Uint8Array), length?: number): shellapps.experience.UserFlagSet & shellapps.experience.UserFlagSet.$Shape;
        }

        namespace UserFlagSet {

            /** Properties of a UserFlagSet. */
            interface $Properties {

                /** UserFlagSet profileId */
                profileId?: (string|null);

                /** UserFlagSet appId */
                appId?: (string|null);

                /** UserFlagSet flags */
                flags?: ({ [k: string]: shellapps.experience.FlagValue.$Properties }|null);

                /** UserFlagSet computedAt */
                computedAt?: (number|null);

                /** Unknown fields preserved while decoding when enabled */
                $unknowns?: Uint8Array[];
            }

            /** Shape of a UserFlagSet. */
            type $Shape = {
              profileId?: string|null;
              appId?: string|null;
              flags?: { [k: string]: shellapps.experience.FlagValue.$Shape }|null;
              computedAt?: number|null;
              $unknowns?: Uint8Array[];
            };
        }
    }
}
